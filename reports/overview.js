// The table of heads: every button of the first row sorts it, and sorts it back.
(() => {
  const table = document.getElementById("heads");
  const heads = [...table.querySelectorAll("thead th")];
  const valueOf = (line, column) => {
    const cell = line.children[column];
    const text = cell.dataset.value ?? cell.textContent;
    const number = Number(text);
    return text.trim() === "" || text === "–" ? null : Number.isNaN(number) ? text : number;
  };
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      const lines = [...table.tBodies[0].rows];
      lines.sort((one, other) => {
        const [a, b] = [valueOf(one, column), valueOf(other, column)];
        if (a === b) return 0;
        if (a === null || b === null) return a === null ? 1 : -1;
        if (typeof a === typeof b) return a < b ? -direction : direction;
        return typeof a === "number" ? -direction : direction;
      });
      table.tBodies[0].append(...lines);
    });
  });
})();
