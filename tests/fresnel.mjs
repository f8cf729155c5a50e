// A running `fresnel serve` for the tests in JavaScript, and a look into its warehouse.
//
// With TEST_SERVICE_URL, …_DATA_DIR, …_INGEST_KEY and …_ADMIN_TOKEN a service that runs already is taken instead; so
// the same tests look at what `make run` started (scripts/try-fresh-clone).

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('..', import.meta.url))
const binary = process.env.TEST_BINARY ?? path.join(repository, 'target/debug/fresnel')

/** Time in which anything that must happen has happened, on a busy machine too. */
const PATIENCE_MS = 60_000

/** Asks until there is an answer other than undefined. */
export async function eventually(what, ask, patienceMs = PATIENCE_MS, pauseMs = 20) {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error(`not within ${patienceMs} ms: ${what}`)
    await pause(pauseMs)
  }
}

/** Starts one; `settings` are variables over those of the tests. With settings it is always one of its own. */
export async function startFresnel(settings = undefined) {
  if (process.env.TEST_SERVICE_URL && !settings) {
    const { TEST_SERVICE_URL: url, TEST_SERVICE_DATA_DIR: dataDir } = process.env
    const { TEST_SERVICE_INGEST_KEY: ingestKey, TEST_SERVICE_ADMIN_TOKEN: adminToken } = process.env
    return {
      ...{ url, ingestKey, adminToken, dataDir },
      query: (sql) => query(dataDir, sql),
      manage: managing(url, adminToken),
      stop: async () => {},
    }
  }

  const dataDir = await mkdtemp(path.join(tmpdir(), 'fresnel-js-'))
  const port = await freePort()
  const ingestKey = 'ingest-key-of-the-tests-in-js'
  const adminToken = 'admin-token-of-the-tests-in-js'
  let service, ended
  let output = ''
  const launch = () => {
    service = spawn(binary, ['serve'], {
      cwd: repository,
      env: {
        ...Object.fromEntries(
          Object.entries(process.env).filter(
            ([name]) => !name.startsWith('FRESNEL_') || name === 'FRESNEL_ENGINE__LIBRARY',
          ),
        ),
        FRESNEL_DATA_DIR: dataDir,
        FRESNEL_SERVER__LISTEN: `127.0.0.1:${port}`,
        // Behind everything else an engine gets one hundredth of a machine that is used up.
        FRESNEL_ENGINE__NICENESS: '0',
        FRESNEL_BOOTSTRAP__INGEST_KEY: ingestKey,
        FRESNEL_BOOTSTRAP__ADMIN_TOKEN: adminToken,
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [service.stdout, service.stderr]) stream.on('data', (data) => (output += data))
    ended = once(service, 'close')
  }
  launch()

  const url = `http://127.0.0.1:${port}`
  /** Asks it to end, and waits until it has. */
  const terminate = async () => {
    service.kill('SIGTERM')
    await ended
  }
  const stop = async () => {
    await terminate()
    await rm(dataDir, { recursive: true, force: true })
  }
  // Beacons are taken earlier; these tests also look at where they end.
  const ready = () =>
    eventually('Fresnel is ready, and so is ClickHouse', async () => {
      if (service.exitCode !== null) throw new Error(`fresnel ended with ${service.exitCode}`)
      const answer = await fetch(`${url}/readyz`).catch(() => undefined)
      return (answer?.status === 200 && (await answer.json()).status === 'ok') || undefined
    })
  try {
    await ready()
  } catch (error) {
    await stop()
    throw new Error(`fresnel did not start:\n${output}`, { cause: error })
  }
  /** As a power cut would, for the process. */
  const kill = async () => {
    service.kill('SIGKILL')
    await ended
  }
  const startAgain = () => {
    launch()
    return ready()
  }
  return {
    ...{ url, ingestKey, adminToken, dataDir },
    query: (sql) => query(dataDir, sql),
    manage: managing(url, adminToken),
    ...{ stop, terminate, kill, startAgain },
  }
}

/** Calls of management as the owner, that must go well; they give the answer's data. */
const managing = (url, adminToken) => async (method, address, body) => {
  const answer = await fetch(url + address, {
    method,
    headers: { Authorization: `Bearer ${adminToken}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${address}: ${answer.status} ${text}`)
  return JSON.parse(text).data
}

/** Asks the embedded ClickHouse over plain HTTP, as any client would; gives rows as objects. */
async function query(dataDir, sql) {
  const connection = JSON.parse(await readFile(path.join(dataDir, 'engine/connection.json'), 'utf8'))
  const answer = await fetch(`${connection.url}/?database=${connection.database}&default_format=JSONEachRow`, {
    method: 'POST',
    headers: { 'X-ClickHouse-User': connection.user, 'X-ClickHouse-Key': connection.password },
    body: sql,
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line))
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
