"""The keeper: a small process of its own that forks the children of a host, holds their listening sockets and keeps their exits.

Started by file path as `python -I -S .../keeper/__main__.py RUN_DIR`, so this package imports the standard library and itself only.
`holdfast.host.keeper_client` is its only caller.

Laws:
- It decides nothing: no restart, no back-off, no policy. It does what it is asked once, and remembers it until told to forget.
- No child executes before it is on the roll (`roll.py`): a keeper that was killed has a successor that knows its children, their sockets
  and their exits. Sockets that no living child has are lost with it.
- It survives the daemon: a session of its own, no stdio of the caller, working directory `/`.
- Spawning is idempotent by spawn id, over the death of a keeper too; holding a socket is idempotent by key.
- A process is signalled only while its identity (pid, start time, boot id) still holds.
- When a child's main process dies, what is left of its group is killed before the main process is reaped.
- It ends when it has no child record, no socket and no connection. On SIGTERM it takes no new work and ends as soon as no child lives;
  with living children it stays, because ending would lose their sockets and exit codes.

Wire: newline-delimited JSON on `RUN_DIR/keeper.sock` (0600, same uid only). Request `{"n", "op", ...}`, answer `{"n", "ok": true, ...}` or
`{"n", "error": {"kind", "message", "errno", ...}}`; subscribers also get `{"event": "exited" | "notified", ...}`. Operations: hello, list,
hold, release, spawn, adopt, signal, kill, forget, subscribe. `operations.py` documents the fields of each.
"""
