import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { assertCode, luigiProject } from './luigi-project.ts'

const WRONG = readFileSync(join(import.meta.dirname, 'wrong.py'), 'utf8')

describe('sluice luigi refuses, with one clear message and exit code 2', () => {
  const cases: [what: string, args: string[], told: RegExp][] = [
    [
      'a module that is not there',
      ['--module', 'nowhere', 'X'],
      /The module nowhere does not import: \w+: No module named 'nowhere'\nnext: Modules are looked for in /,
    ],
    [
      'a module that needs another one',
      ['--module', 'needs', 'X'],
      /The module needs does not import: \w+: No module named 'no_such_package'\n.*needs\.py", line 2/,
    ],
    [
      'a module that is no Python',
      ['--module', 'syntax', 'X'],
      /The module syntax does not import:[\s\S]*SyntaxError/,
    ],
    [
      'a module that ends its process',
      ['--module', 'ends', 'X'],
      /ended its process \(3\) before it had answered; nothing was started\.\nat import/,
    ],
    [
      'a module that asks to exit',
      ['--module', 'exits', 'X'],
      /The module exits does not import: SystemExit: 0/,
    ],
    [
      'a task that is not there',
      ['--module', 'wrong', 'Strikt'],
      /No task is called Strikt\. Did you mean Strict\?\nnext: Tasks of the module: AtPlanning, /,
    ],
    [
      'a parameter that is missing',
      ['--module', 'wrong', 'Strict'],
      /requires the 'date' parameter to be set\nnext: Strict takes: --date, --size\./,
    ],
    [
      'a day that does not exist',
      ['--module', 'wrong', 'Strict', '--date', '2026-02-30'],
      /Strict: --date is '2026-02-30': .*\nnext: Strict takes/,
    ],
    [
      'a choice that there is not',
      ['--module', 'wrong', 'Strict', '--date', '2026-01-31', '--size', 'huge'],
      /Strict: --size is 'huge': huge is not a valid choice/,
    ],
    [
      'a flag that there is not',
      ['--module', 'wrong', 'Strict', '--date', '2026-01-31', '--dat', '3', '--sice', '4'],
      /unrecognized arguments: --sice 4\nnext: Strict takes|ambiguous option: --dat/,
    ],
    [
      'requires() without an end',
      ['--module', 'wrong', 'Endless'],
      /more than 50000 tasks below each other: Endless\(number=0\) → .* more … → .*\nnext: `requires` has to come to an end/,
    ],
    [
      'tasks that require each other',
      ['--module', 'wrong', 'First'],
      /these tasks require each other: First → Second → First\nnext: /,
    ],
    [
      'more of a resource than there is',
      ['--module', 'wrong', 'Greedy'],
      /Greedy: it asks for 3 of the resource db, which has 1 in all; it would wait for ever/,
    ],
    [
      'a private value among the flags',
      ['--module', 'wrong', 'Private', '--key', 's3cr3t-value'],
      /its parameter key is private and was given a value, which Sluice must not keep/,
    ],
    [
      'complete() that nothing can end',
      ['--module', 'wrong', 'HangsForEver', '--check-seconds', '1'],
      /ended its process[\s\S]*wrong\.py", line \d+ in complete/,
    ],
  ]
  for (const [what, args, told] of cases)
    it(what, async (test) => {
      const project = luigiProject(test, {
        'wrong.py': WRONG,
        'needs.py': 'import luigi\nimport no_such_package\n',
        'syntax.py': 'class X(:\n',
        'ends.py': 'import os, sys\nsys.stderr.write("at import\\n")\nsys.stderr.flush()\nos._exit(3)\n',
        'exits.py': 'import sys\nsys.exit(0)\n',
      })
      const { code, stderr, stdout } = await project.luigi(...args)
      assert.match(stderr, told)
      assert.equal(code, 2)
      assert.equal(stdout, '')
      assert.ok(!stderr.includes('s3cr3t-value'))
    })

  it('a Python without Luigi, and one with a Luigi that is too old', async (test) => {
    const project = luigiProject(test, { 'old/luigi/__init__.py': "__version__ = '2.7.9'\n" })
    mkdirSync(project.path('empty'))
    const none = await project.start(
      ['luigi', '--python', '/usr/bin/python3', '--module', 'reports', 'Root'],
      {
        env: { PYTHONNOUSERSITE: '1', PYTHONPATH: project.path('empty') },
      },
    ).ended
    assertCode(none, 2)
    assert.match(
      none.stderr,
      /The Python \/usr\/bin\/python3 has no package luigi\.\nnext: Name the Python that runs the tasks today/,
    )
    const old = await project.start(
      ['luigi', '--python', '/usr/bin/python3', '--module', 'reports', 'Root'],
      {
        env: { PYTHONPATH: project.path('old') },
      },
    ).ended
    assertCode(old, 2)
    assert.match(old.stderr, /has Luigi 2\.7\.9; Sluice runs tasks of Luigi 2\.8 and newer/)
  })
})

describe('a task of Luigi fails alone', () => {
  it('while it is planned', async (test) => {
    const project = luigiProject(test, { 'wrong.py': WRONG })
    const ended = await project.luigi('--module', 'wrong', 'AtPlanning', '--check-seconds', '1')
    assertCode(ended, 1)
    for (const told of [
      'RequiresThrows: requires() threw: ValueError: no connection',
      'CompleteThrows: complete() threw: OSError: no bucket',
      'CompleteHangs: complete() did not end within 1 s',
      "CompleteIsText: complete() threw: TypeError: complete() must return True or False, and not 'yes'",
      'Disabled: it is disabled (its attribute `disabled` is true)',
      'Private: its parameter key is private and was given a value, which Sluice must not keep',
      'Local: its class make_task.<locals>.Local is made while other code runs',
    ])
      assert.ok(ended.stdout.includes(told), `${told}\n${ended.stdout}`)
    assert.ok(existsSync(project.path('out/planned')))
    for (const file of ['.sluice/state.db', '.sluice/state.db-wal'])
      if (existsSync(project.path(file)))
        assert.ok(!readFileSync(project.path(file)).includes('s3cr3t-value'), `the value is in ${file}`)
  })

  it('while it runs', async (test) => {
    const project = luigiProject(test, { 'wrong.py': WRONG })
    const ended = await project.luigi('--module', 'wrong', 'WhileRunning')
    assertCode(ended, 1)
    for (const told of [
      /NeedsLies: RuntimeError: Unfulfilled dependency at run time: Lies/,
      /YieldsLies: what it yielded cannot be used: Lies has run, but its complete\(\) says that it has not/,
      /Exits: SystemExit: 0/,
      /EndsProcess: its process ended with exit code 0 before `run\(\)` had ended/,
      /TooSlow: it took longer than its timeout of 1 s/,
    ])
      assert.match(ended.stdout, told)
    assert.ok(existsSync(project.path('out/forks')))
    assert.ok(existsSync(project.path('out/bytes')))
  })
})
