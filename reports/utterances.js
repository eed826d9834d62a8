// The table of all utterances: it sorts, filters and shows 50 rows at a time.
(() => {
  const SIZE = 50;
  const section = document.getElementById("utterances");
  const data = JSON.parse(document.getElementById("rows").textContent);
  const named = (key) => (row) => data.names[data[key][row]];
  const plain = (key) => (row) => data[key][row];
  const columns = {
    "utterance": plain("id"),
    "speaker": named("speaker"),
    "label": named("label"),
    "predicted": named("predicted"),
    "confidence": (row) => data.confidence[row] / 1000,
    "agreement": (row) => data.agreement[row] === null ? null : data.agreement[row] / 100,
    "seconds": plain("seconds"),
    "text": plain("text"),
  };
  for (const [title, key] of [["agreement", "agreement"], ["seconds", "seconds"], ["text", "text"]]) {
    if (!data[key].some((value) => value !== null && value !== "")) delete columns[title];
  }
  const digits = {confidence: 3, agreement: 2, seconds: 1};
  const form = section.querySelector("form");
  const everything = data.id.map((_, row) => row);
  let shown = everything, sorted = "", direction = 1, first = 0;

  function draw() {
    const cells = shown.slice(first, first + SIZE).map((row) => {
      const line = document.createElement("tr");
      for (const [title, value] of Object.entries(columns)) {
        const cell = document.createElement(title === "utterance" ? "th" : "td");
        const found = value(row);
        if (title in digits) {
          cell.className = "n";
          cell.textContent = found === null ? "–" : found.toFixed(digits[title]);
        } else cell.textContent = found || (title === "label" ? "–" : "");
        line.append(cell);
      }
      if (wrong(row)) line.className = "wrong";
      return line;
    });
    section.querySelector("tbody").replaceChildren(...cells);
    const last = Math.min(first + SIZE, shown.length);
    section.querySelector("[role=status]").textContent = shown.length
      ? `${(first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${shown.length.toLocaleString("en")} utterances`
      : "no utterance fits the filters";
    section.querySelector("[name=back]").disabled = first === 0;
    section.querySelector("[name=next]").disabled = last >= shown.length;
  }

  function wrong(row) {
    return data.names[data.label[row]] !== "" && data.label[row] !== data.predicted[row];
  }

  function select() {
    const words = form.words.value.toLowerCase();
    const {label, predicted} = form;
    shown = everything.filter((row) =>
      (!form.wrong.checked || wrong(row))
      && (!label.value || columns.label(row) === label.value)
      && (!predicted.value || columns.predicted(row) === predicted.value)
      && (!words || `${data.id[row]} ${columns.speaker(row)} ${data.text[row]}`.toLowerCase().includes(words)));
    if (sorted) {
      const value = columns[sorted];
      shown.sort((one, other) => {
        const [a, b] = [value(one), value(other)];
        if (a === b) return one - other;
        if (a === null || b === null) return a === null ? 1 : -1;
        return a < b ? -direction : direction;
      });
    }
    first = 0;
    draw();
  }

  const heads = Object.keys(columns).map((title) => {
    const head = document.createElement("th");
    const button = document.createElement("button");
    head.scope = "col";
    if (title in digits) head.className = "n";
    button.type = "button";
    button.textContent = title;
    button.addEventListener("click", () => {
      direction = sorted === title ? -direction : 1;
      sorted = title;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      select();
    });
    head.append(button);
    return head;
  });
  section.querySelector("thead tr").replaceChildren(...heads);
  form.addEventListener("input", select);
  form.addEventListener("submit", (event) => event.preventDefault());
  section.querySelector("[name=back]").addEventListener("click", () => { first -= SIZE; draw(); });
  section.querySelector("[name=next]").addEventListener("click", () => { first += SIZE; draw(); });
  draw();
})();
