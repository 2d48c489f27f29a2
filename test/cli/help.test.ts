import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Command } from 'commander'
import { addHelpTexts } from '../../src/cli/help.ts'
import { makeProgram } from '../../src/cli/program.ts'
import { addWorkCommands } from '../../src/cli/work-commands.ts'
import { testProject } from '../support/cli.ts'

const DAYS = `
import { day, pipeline, task, text } from 'sluice'
import { z } from 'zod'
const Day = task('Day', { params: { date: day(), kind: z.enum(['a', 'b']).default('a') }, output: ({ date, kind }) => text(\`\${date}-\${kind}\`) }, async ({ output }) => output.write('x'))
export const days = pipeline('days', Day)`

/** Names of commands in a help, with their groups. */
function commandsIn(help: string): Map<string, string> {
  const found = new Map<string, string>()
  let group = ''
  for (const line of help.split('\n')) {
    if (/^\S.*:$/.test(line)) group = line
    const [, name] = /^ {2}([a-z]+)(?: [<[]| {2,})/.exec(line) ?? []
    if (name !== undefined && group !== 'Options:' && group !== 'Exit codes:') found.set(name, group)
  }
  return found
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
  })
  command.outputHelp()
  return text
}

describe('help', () => {
  it('groups commands by what people do, and tells every exit code', async (test) => {
    const { stdout, code } = await testProject(test, {}).sluice('--help')
    assert.equal(code, 0)
    const commands = commandsIn(stdout)
    assert.equal(commands.get('run'), 'Run:')
    assert.equal(commands.get('status'), 'Look:')
    assert.equal(commands.get('retry'), 'Act on runs:')
    assert.ok(commands.size >= 25, [...commands].join())
    assert.equal([...commands.values()].includes('Commands:'), false, 'each command has a group')
    for (const exit of ['0', '1', '2', '3', '4', '130']) assert.match(stdout, new RegExp(`\n  ${exit} +\\w`))
  })

  it('has examples for every command that does something', async () => {
    const program = makeProgram(
      () => {},
      () => {},
    )
    await addWorkCommands(program, [], () => {})
    addHelpTexts(program)
    const inner = program.commands.flatMap((each) => (each.commands.length === 0 ? [each] : each.commands))
    assert.ok(inner.length >= 25)
    for (const command of inner) {
      const parent = command.parent === program ? '' : `${command.parent?.name()} `
      const name = `${parent}${command.name()}`
      const help = helpOf(command)
      assert.match(help, new RegExp(`Examples:\n  sluice ${name}`), name)
      assert.match(help, /Exit codes: 0 done, 1 a task or run failed, 2 wrong use, .*4 waiting/, name)
      assert.match(help, /Every command:\n +--state/, name)
    }
  })

  it('shows the parameters of the pipeline that is named, first', async (test) => {
    const { stdout } = await testProject(test, { 'pipelines/days.ts': DAYS }).sluice('run', 'days', '--help')
    assert.match(stdout, /Parameters:\n +--date <day> +required\n +--kind <text> +a \| b; default "a"/)
    assert.ok(stdout.indexOf('Parameters:') < stdout.indexOf('Options:'))
    assert.ok(stdout.indexOf('Options:') < stdout.indexOf('Every command:'))
  })

  it('is what a command without a name prints, as wrong use', async (test) => {
    const { code, stderr } = await testProject(test, {}).sluice()
    assert.equal(code, 2)
    assert.match(stderr, /Run:\n {2}run/)
  })
})
