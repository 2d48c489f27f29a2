import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { readErrorCode } from '../core/errors.ts'

/** A hidden name beside a target, by the attempt that writes it; what dead attempts left is known by it. */
export const formatPathBesideTarget = (target: string, nonce: string, number: number): string =>
  join(dirname(target), `.${basename(target)}.${nonce}-${number}.tmp`)

/** A folder with something in it is not replaced by a rename (rename(2)). */
const IS_FULL = new Set(['ENOTEMPTY', 'EEXIST'])

/**
 * Moves a file or folder to the place of a target. A folder that replaces another one is no longer there for a moment; a file
 * never takes the place of a folder. Throws what the file system says, and the target is as it was.
 */
export function moveIntoPlace(from: string, target: string, nonce: string): void {
  mkdirSync(dirname(target), { recursive: true })
  const near = formatPathBesideTarget(target, nonce, 1)
  try {
    moveWhole(from, target, near)
  } catch (error) {
    if (!IS_FULL.has(readErrorCode(error) ?? '')) throw error
    replaceFolder(from, target, { near, before: formatPathBesideTarget(target, nonce, 2) })
  }
}

function replaceFolder(
  from: string,
  target: string,
  { near, before }: { near: string; before: string },
): void {
  renameSync(target, before)
  try {
    moveWhole(from, target, near)
  } catch (error) {
    renameSync(before, target)
    throw error
  }
  rmSync(before, { force: true, recursive: true })
}

/** From another file system it is copied to a name beside its place first, so that it is whole when it is there. */
function moveWhole(from: string, target: string, near: string): void {
  try {
    renameSync(from, target)
  } catch (error) {
    if (readErrorCode(error) !== 'EXDEV') throw error
    cpSync(from, near, { recursive: true })
    renameSync(near, target)
  }
}
