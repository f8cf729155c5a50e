// Clients that know nothing of Fresnel work against its embedded ClickHouse.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { startFresnel } from '../fresnel.mjs'

const python =
  process.env.TEST_PYTHON ?? fileURLToPath(new URL('../../target/test-venv/bin/python', import.meta.url))
let fresnel

before(async () => {
  fresnel = await startFresnel()
})

after(() => fresnel?.stop())

test("ClickHouse's own Python client writes, reads and streams", () => {
  const program = fileURLToPath(new URL('clickhouse_connect_works.py', import.meta.url))
  const connection = path.join(fresnel.dataDir, 'engine/connection.json')
  const { status, stdout, stderr } = spawnSync(python, [program, connection], { encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
})
