// Ends a socket with RST. Where that crosses with an end or an error of the same socket, node does not get rid of it, and
// would spin for ever when all is done and the process is to exit: so it exits without clearing up.
let isPrepared = false;

export function reset(socket) {
  if (!isPrepared) process.on('exit', (code) => process.exit(code));
  isPrepared = true;
  socket.resetAndDestroy();
}
