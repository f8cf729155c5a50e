// A third party, as the tests of the relay need it: a real HTTP server whose answers a test writes.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Starts one. `answer(call)` says what comes back: `{status, headers, body}`, `'reset'` (the connection breaks), or nothing when it
 * has answered by itself, through `call.response`. With `tls` (`{key, cert}`) it speaks HTTP/2.
 */
export async function startVendor(answer, tls) {
  const calls = []
  const handle = async (request, response) => {
    const parts = []
    try {
      for await (const part of request) parts.push(part)
    } catch {
      return
    }
    const call = {
      method: request.method,
      url: request.url,
      version: request.httpVersion,
      headers: request.headers,
      body: Buffer.concat(parts).toString(),
      atMs: performance.now(),
      response,
    }
    calls.push(call)
    const said = await answer(call)
    if (said === 'reset') return request.socket?.destroy()
    if (!said) return
    if (said.afterMs) await pause(said.afterMs)
    response.writeHead(said.status ?? 200, said.headers)
    response.end(said.body ?? '')
  }
  const server = tls ? createSecureServer({ ...tls, allowHTTP1: true }, handle) : createServer(handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  return {
    url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    /** All calls so far, in their order. */
    calls,
    server,
    stop() {
      server.closeAllConnections?.()
      server.close()
    },
  }
}
