// A real mail server, which shows what it has taken.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const python =
  process.env.TEST_PYTHON ?? fileURLToPath(new URL('../../target/test-venv/bin/python', import.meta.url))
const program = fileURLToPath(new URL('../channels/mail_server.py', import.meta.url))

/** The mail server of the tests: its first line is its port, each further one a mail. */
export async function startMailServer() {
  const child = spawn(python, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const lines = createInterface(child.stdout)
  const [port] = await once(lines, 'line')
  const mails = []
  lines.on('line', (line) => mails.push(JSON.parse(line)))
  return {
    port: Number(port),
    to: (recipient) => mails.filter((mail) => mail.to.includes(recipient)),
    async stop() {
      child.stdin.end()
      await ended
    },
  }
}
