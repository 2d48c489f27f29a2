import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from './folders.ts'

/** A fenced block of a document. */
export interface Block {
  language: string
  /** What comes after the language: a path for code, how to run commands. */
  note: string
  text: string
  /** File and line, for messages. */
  where: string
}

/** The fenced blocks of a document of the project, in order. */
export function blocksOf(file: string): Block[] {
  const text = readFileSync(join(projectFolder, file), 'utf8')
  return [...text.matchAll(/^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? '',
    note: match[2] ?? '',
    text: match[3] ?? '',
    where: `${file}, line ${text.slice(0, match.index).split('\n').length}`,
  }))
}
