import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fault } from './fault.ts'

/** What the detectors need of the project; `node_modules` is linked. */
const PARTS = ['src', 'test', 'bin', 'tasks', 'docs', 'package.json', 'sluice.config.ts', 'tsconfig.json']

/** A copy of the project in which one fault at a time is planted. */
export interface Workspace {
  folder: string
  /** Runs the function while the fault is in the copy. */
  planted<T>(fault: Fault, look: () => Promise<T>): Promise<T>
  remove(): void
}

/** Copies the project into a temporary folder. */
export function makeWorkspace(project: string): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-mutate-'))
  for (const part of PARTS) cpSync(join(project, part), join(folder, part), { recursive: true })
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'))
  return {
    folder,
    async planted(fault, look) {
      const path = join(folder, fault.file)
      const before = readFileSync(path, 'utf8')
      writeFileSync(path, mutated(fault, before))
      try {
        return await look()
      } finally {
        writeFileSync(path, before)
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Why a fault cannot be planted any more; undefined where it can. */
export function plantingProblem(project: string, fault: Fault): string | undefined {
  try {
    const text = readFileSync(join(project, fault.file), 'utf8')
    if ('test' in fault.by && !existsSync(join(project, fault.by.test))) return `there is no ${fault.by.test}`
    const count = text.split(fault.find).length - 1
    if (count !== 1) return `the text to replace stands ${count} times in ${fault.file}`
    stripTypeScriptTypes(mutated(fault, text))
    return undefined
  } catch (error) {
    return `${fault.file}: ${(error as Error).message}`
  }
}

const mutated = ({ find, replace }: Fault, text: string) => text.replace(find, () => replace)
