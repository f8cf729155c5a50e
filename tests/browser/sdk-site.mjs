// A web site whose pages load the SDK as products do, and a browser that looks at it.

import { once } from 'node:events'
import { createServer } from 'node:http'

import { chromium } from 'playwright-core'

/** Its pages forbid what a strict product forbids: no inline script, no eval. */
export async function startSite(fresnel) {
  const state = { attributes: '', fresnelUrl: fresnel.url, key: fresnel.ingestKey }
  const site = createServer((request, answer) => {
    const { pathname } = new URL(request.url, 'http://site')
    if (pathname.startsWith('/api/')) {
      if (pathname.startsWith('/api/never')) return
      answer.writeHead(pathname.startsWith('/api/broken') ? 500 : 200).end('{}')
      return
    }
    answer.setHeader('content-type', 'text/html')
    // `no-store` would keep a page out of the back-forward cache.
    answer.setHeader('content-security-policy', `default-src 'none'; script-src ${state.fresnelUrl}; connect-src 'self' ${state.fresnelUrl}`)
    answer.end(`<!doctype html><title>Shop</title><p>A page</p>
      <script src="${state.fresnelUrl}/fresnel.js" data-key="${state.key}" data-release="1.2.3" data-environment="test" ${state.attributes} defer></script>`)
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  const url = `http://127.0.0.1:${site.address().port}`
  const close = () => {
    site.closeAllConnections()
    site.close()
  }
  return Object.assign(state, { url, close })
}

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Playwright turns the back-forward cache off.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
