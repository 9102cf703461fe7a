// Loaded before jest (--require, hence CommonJS). Jest needs Node's VM modules to run ESM, and Node warns about them in
// every worker. Only that warning is dropped; every other one is shown.
const emitWarning = process.emitWarning;

process.emitWarning = (warning, ...rest) => {
  if (String(warning).startsWith("VM Modules is an experimental feature")) return;
  emitWarning.call(process, warning, ...rest);
};
