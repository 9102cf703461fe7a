/** Sends every handle straight back, as a worker does with a listening one; and messages without a handle too. */
process.on("message", (message, handle) => {
  process.send(message, handle, {}, () => handle?.close());
});
