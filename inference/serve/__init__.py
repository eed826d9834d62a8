"""Serve: a trained model predicts uploaded clips over HTTP.

Uploads come in, and JSON goes out. `guard` limits the requests and gives each an id. `upload` turns
the bytes into samples, and keeps no file. `request_queue` has one worker, which predicts all clips
that wait in one batch. `app` joins them to the routes, `schemas` describes what they return,
`error_body` describes errors, and `page.html` is the page for people. `server_options` has the
limits.
FastAPI and uvicorn come with the extra `medusa-ser[serve]`.

The door: `server.serve`, `app.build_app`, `server_options.ServerOptions`.
"""
