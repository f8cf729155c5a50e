// Sizes of the SDK. The core is src/fresnel.ts with everything that it exports and uses; only the web vitals are apart.
// Exits with 1 when the core, minified and packed with gzip, is larger than it may be.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "vite";

export const CORE_GZIP_BYTES_MAX = 4_096;

/** Bytes of an entry as one minified script, plain and packed. */
export async function sizeOf(entry) {
  const [{ output }] = await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: "silent",
    build: {
      target: "es2022",
      write: false,
      lib: { entry: `src/${entry}.ts`, formats: ["es"] },
      // As bundlers of products do.
      rolldownOptions: { output: { minify: true } },
    },
  });
  const plain = Buffer.from(output[0].code);
  return { plain: plain.length, gzip: gzipSync(plain, { level: 9 }).length, code: output[0].code };
}

if (process.argv[1] === import.meta.filename) {
  const core = await sizeOf("fresnel");
  const script = readFileSync(new URL("dist/fresnel.js", import.meta.url));
  console.log(
    `core      ${core.gzip} bytes with gzip (${core.plain} without), of at most ${CORE_GZIP_BYTES_MAX}`,
  );
  console.log(
    `script tag ${gzipSync(script, { level: 9 }).length} bytes with gzip (${script.length} without), vitals in it`,
  );
  if (core.gzip > CORE_GZIP_BYTES_MAX) {
    console.error("The core of the browser SDK is too large.");
    process.exit(1);
  }
}
