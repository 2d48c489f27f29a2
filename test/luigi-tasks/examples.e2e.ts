import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import { projectFolder } from '../support/folders.ts'
import { assertCode, luigiProject, PYTHON } from './luigi-project.ts'

/** Why an example of Luigi's own is not run here; all others are. */
const EXCLUDED: Record<string, string> = {
  __init__: 'it has no task',
  foo_complex:
    'its requires() draws tasks at random from a counter in memory, so that another process has others',
  elasticsearch_index: 'it needs Elasticsearch',
  ftp_experiment_outputs: 'it needs an FTP server',
  kubernetes: 'it needs Kubernetes',
  pyspark_wc: 'it needs Spark and HDFS',
  spark_als: 'it needs Spark and HDFS',
  ssh_remote_execution: 'it needs a host that is reached by SSH',
  terasort: 'it needs Hadoop',
  top_artists_spark: 'it needs Spark',
  wordcount_hadoop: 'it needs Hadoop',
}

/** The examples of Luigi's source package of the version that is installed. */
function findExamples(): string {
  const read = "from importlib.metadata import version; print(version('luigi'))"
  const version = execFileSync(PYTHON, ['-c', read], { encoding: 'utf8' }).trim()
  const sources = join(projectFolder, `.cache/luigi-sources-${version}`)
  if (!existsSync(sources)) {
    mkdirSync(sources, { recursive: true })
    const args = [
      'download',
      '--quiet',
      '--no-deps',
      '--no-binary',
      'luigi',
      '-d',
      sources,
      `luigi==${version}`,
    ]
    execFileSync(PYTHON, ['-m', 'pip', ...args], { stdio: 'inherit' })
    for (const archive of readdirSync(sources)) execFileSync('tar', ['-xzf', archive], { cwd: sources })
  }
  return join(sources, `luigi-${version}`, 'examples')
}

const isNew = !/-3\.6-|-3\.7-/.test(PYTHON)

describe("Luigi's own examples, not changed", {
  skip: !isNew && 'their source package is for a newer Python',
  concurrency: false,
}, () => {
  const examples = isNew ? findExamples() : ''
  const runs: { [module: string]: { args: string[]; code?: number; told: RegExp } } = {
    hello_world: { args: ['examples.HelloWorldTask'], told: /1 succeeded/ },
    foo: { args: ['examples.Foo'], told: /: 11 succeeded/ },
    dynamic_requirements: { args: ['Dynamic'], told: /: \d+ succeeded/ },
    wordcount: {
      args: ['WordCount', '--date-interval', '2012-11-01-2012-11-03'],
      told: /1 succeeded, 2 complete/,
    },
    top_artists: { args: ['Top10Artists', '--date-interval', '2012-06'], told: /: 32 succeeded/ },
    execution_summary_example: {
      args: ['examples.EntryPoint', '--wait', '2s'],
      code: 4,
      told: /MyExternal: what it stands for is not there yet/,
    },
    per_task_retry_policy: {
      args: ['examples.PerTaskRetryPolicy'],
      code: 1,
      told: /ErrorTask1: Exception: .* \(5 attempts\)[\s\S]*ErrorTask2: .* \(2 attempts\)/,
    },
  }

  it('all are run, or left out with a reason', () => {
    const modules = globSync('*.py', { cwd: examples }).map((file) => basename(file, '.py'))
    assert.deepEqual(modules.sort(), [...Object.keys(runs), ...Object.keys(EXCLUDED)].sort())
    for (const [module, reason] of Object.entries(EXCLUDED))
      console.log(`left out: ${module}, because ${reason}`)
  })

  for (const [module, { args, code = 0, told }] of Object.entries(runs))
    it(module, async (test) => {
      // They write where they say.
      for (const path of globSync('/tmp/{bar,Config_*.txt,Data_*.txt,Dynamic_*.txt,_docs-*.ldj}'))
        rmSync(path, { recursive: true, force: true })
      rmSync('/var/tmp/text-count', { recursive: true, force: true })
      mkdirSync('/var/tmp/text', { recursive: true })
      for (const day of ['01', '02', '03']) writeFileSync(`/var/tmp/text/2012-11-${day}.txt`, 'a b a c\n')
      const project = luigiProject(test, { 'luigi.cfg': '[scheduler]\nretry_delay = 0\n' })
      cpSync(examples, project.folder, { recursive: true })
      const ended = await project.luigi('--module', module, ...args)
      assertCode(ended, code)
      assert.match(ended.stdout, told)
    })
})
