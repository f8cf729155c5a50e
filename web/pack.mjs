// Packs each text below the folders that are named, beside itself: nothing is packed while somebody waits for it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const TEXT = /\.(html|js|css|svg|json)$/;
/** Below this the header of a packet weighs more than what is saved. */
const PACKED_FROM_BYTES = 1024;

for (const folder of process.argv.slice(2)) {
  for (const name of readdirSync(folder, { recursive: true })) {
    const path = join(folder, name);
    if (!TEXT.test(name)) {
      continue;
    }
    const plain = readFileSync(path);
    if (plain.length < PACKED_FROM_BYTES) {
      continue;
    }
    const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    writeFileSync(`${path}.br`, brotliCompressSync(plain, { params: quality }));
    writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
  }
}
