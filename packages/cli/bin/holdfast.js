#!/usr/bin/env node
// Checked in, so that npm can link it before anything is built. Plain syntax: an old Node.js must get to the message.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `holdfast needs Node.js 20.19 or newer; this is ${process.versions.node} (${process.execPath})`,
  );
  process.exitCode = 1;
} else {
  import("../dist/main.js").catch((error) => {
    const notBuilt =
      error?.code === "ERR_MODULE_NOT_FOUND" && String(error.message).includes("dist/main.js'");
    console.error(notBuilt ? "holdfast is not built yet: run `npm run build` in the repository" : error);
    process.exitCode = 1;
  });
}
