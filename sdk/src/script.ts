/** What the script tag loads: reads its `data-` attributes, begins, and leaves `fresnel` behind. */
import * as fresnel from "./fresnel.js";
import { webVitals } from "./vitals.js";

Object.assign(globalThis, { fresnel: { ...fresnel, webVitals } });

const tag = document.currentScript;
const data = tag instanceof HTMLScriptElement ? tag.dataset : {};
const isOn = (text: string | undefined, otherwise: boolean) =>
  text === undefined ? otherwise : text !== "false";

if (tag instanceof HTMLScriptElement && data.key) {
  const { requests } = data;
  const others = requests && requests !== "true" ? requests.split(" ") : undefined;
  fresnel.init({
    endpoint: data.endpoint || tag.src.replace(/\/[^/]*$/, ""),
    key: data.key,
    release: data.release,
    environment: data.environment,
    sampleRate: data.sampleRate === undefined ? 1 : Number(data.sampleRate),
    respectGpc: isOn(data.respectGpc, false),
    persist: isOn(data.persist, true),
    loads: isOn(data.loads, true),
    views: isOn(data.views, true),
    errors: isOn(data.errors, true),
    requests:
      isOn(requests, true) && (!others || (({ href }) => others.some((each) => href.startsWith(each)))),
  });
  if (isOn(data.vitals, true)) {
    webVitals();
  }
}
