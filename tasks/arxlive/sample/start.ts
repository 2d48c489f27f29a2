import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { startSampleServer } from './server.ts'

/** `npm start`: runs arxlive on the sample, through real HTTP on loopback, and shows the head of the report. */
const PORT = 8087
const DAYS = ['2024-03-04', '2024-03-05'] as const
const bin = fileURLToPath(new URL('../../../bin/sluice.js', import.meta.url))

const server = await startSampleServer(PORT)
const [date, until] = DAYS
const command = [
  'run',
  'arxlive',
  '--date',
  date,
  '--until',
  until,
  '--source',
  server.oai,
  '--graph',
  server.graph,
]
console.log(`> sluice ${command.join(' ')}\n`)
// As `sluice secrets set mag/api-key` would, for this command only.
const env = { ...process.env, SLUICE_SECRET_MAG_API_KEY: server.key }
const child = spawn(process.execPath, [bin, ...command], { stdio: 'inherit', env })
// Ctrl-C reaches the child as well, which stops gracefully; this process only waits for it.
process.on('SIGINT', () => {})
const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? 1)))
server.close()
if (code === 0) await showReport()
process.exitCode = code

async function showReport(): Promise<void> {
  const folder = `data/arxiv-sample/${date}--${until}`
  const report = await readFile(`${folder}/report.json`, 'utf8')
  console.log(`\n${folder}/report.json begins:\n`)
  console.log(report.split('\n').slice(0, 12).join('\n'))
  console.log(`\nLook at ${folder}/report.html in a browser.`)
  console.log('See the run itself, its graph and its logs: npx sluice dev --open')
}
