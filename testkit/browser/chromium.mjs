// Unpacks the package's Chromium, its fonts and the libraries it needs into TMPDIR, and prints where Chromium is.
import { fileURLToPath } from "node:url";
import chromium, { inflate } from "@sparticuz/chromium";
await inflate(fileURLToPath(import.meta.resolve("@sparticuz/chromium").replace("build/index.js", "bin/al2023.tar.br")));
console.log(await chromium.executablePath());
