import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { SluiceError } from '../../core/errors.ts'

/** A folder as it is at a commit, branch or tag, with the packages that are installed here; `remove` forgets it. */
export function checkOutCommit(folder: string, ref: string): { folder: string; remove(): void } {
  const root = git(folder, ['rev-parse', '--show-toplevel'])
  const tree = join(mkdtempSync(join(tmpdir(), 'sluice-ref-')), 'tree')
  git(root, ['worktree', 'add', '--detach', tree, ref])
  const inside = relative(root, folder)
  for (let from = folder; ; from = dirname(from)) {
    const packages = join(from, 'node_modules')
    const to = join(tree, relative(root, from), 'node_modules')
    if (existsSync(packages) && !existsSync(to)) symlinkSync(packages, to)
    if (from === root) break
  }
  return {
    folder: join(tree, inside),
    remove() {
      git(root, ['worktree', 'remove', '--force', tree])
      rmSync(dirname(tree), { recursive: true, force: true })
    },
  }
}

function git(folder: string, args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync('git', args, { cwd: folder, encoding: 'utf8' })
  if (status === 0) return stdout.trim()
  throw new SluiceError('invalid_usage', `git ${args.join(' ')}: ${(error?.message ?? stderr).trim()}`, {
    hint: '--ref takes a commit, branch or tag of the repository that the config is in.',
  })
}
