// Unpacks the package's Chromium and prints its path.
import chromium from "@sparticuz/chromium";
console.log(await chromium.executablePath());
