// Checks the hashes in server/console/cdn.json against the npm packages, whose files the CDN serves
// byte for byte; with --write it puts them right. The versions are written only in cdn.json:
// after changing one there, run `npm run integrity -- --write`.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const target = fileURLToPath(new URL("../server/console/cdn.json", import.meta.url));

function unpack(specifier, folder) {
  const options = { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", specifier], options));
  execFileSync("tar", ["-xzf", filename], options);
  return join(folder, "package");
}

function hashOf({ package: name, version, file }) {
  const folder = mkdtempSync(join(tmpdir(), "console-"));
  try {
    const content = readFileSync(join(unpack(`${name}@${version}`, folder), file));
    return `sha384-${createHash("sha384").update(content).digest("base64")}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const cdn = JSON.parse(readFileSync(target, "utf8"));
const files = cdn.files.map((pinned) => ({ ...pinned, integrity: hashOf(pinned) }));
const changed = files.filter(({ integrity }, at) => integrity !== cdn.files[at].integrity);
for (const { package: name, version, file } of changed) console.log(`${name}@${version}/${file}`);

if (process.argv.includes("--write")) {
  writeFileSync(target, `${JSON.stringify({ ...cdn, files }, null, 2)}\n`);
} else if (changed.length) {
  console.error("The hashes of these files in cdn.json are not those of the packages.");
  process.exitCode = 1;
}
