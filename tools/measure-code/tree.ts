import { existsSync, realpathSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import ts from 'typescript'

/** Folders that hold code of the product, with their files; tests, benchmarks and tools are not measured. */
const MEASURED = ['src', 'functions', 'infra', 'tasks', 'worker']
/** Folders in `src` whose subfolders are rooms of their own. */
const FOLDERS_OF_ROOMS = ['adapters', 'homes']

/** A checkout as the compiler sees it. */
export interface Tree {
  folder: string
  checker: ts.TypeChecker
  service: ts.LanguageService
  /** The measured files, by path. */
  files: ts.SourceFile[]
}

/**
 * Reads a checkout with the compiler settings of its `tsconfig.json`. Libraries that it has not installed are looked up
 * beside this script.
 */
export function readTree(folder: string): Tree {
  const root = realpathSync(resolve(folder))
  const options = readOptions(root)
  const names = ts.sys
    .readDirectory(root, ['.ts'], ['**/node_modules', '**/*.d.ts'], MEASURED)
    .map((path) => path.split(sep).join('/'))
  const versions = '1'
  const host: ts.LanguageServiceHost = {
    getCompilationSettings: () => options,
    getScriptFileNames: () => names,
    getScriptVersion: () => versions,
    getScriptSnapshot: (path) => {
      const text = ts.sys.readFile(path)
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    ...(existsSync(join(root, 'node_modules'))
      ? {}
      : { resolveModuleNameLiterals: withOwnLibraries(options) }),
  }
  const service = ts.createLanguageService(host)
  const program = service.getProgram()
  if (program === undefined) throw new Error(`The compiler made no program of ${root}.`)
  const files = names.flatMap((name) => program.getSourceFile(name) ?? [])
  return { folder: root, checker: program.getTypeChecker(), service, files }
}

function readOptions(folder: string): ts.CompilerOptions {
  const path = join(folder, 'tsconfig.json')
  const { config, error } = ts.readConfigFile(path, ts.sys.readFile)
  if (error !== undefined)
    throw new Error(`${path}: ${ts.flattenDiagnosticMessageText(error.messageText, '\n')}`)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, folder, path)
  return options
}

/** Resolves modules as usual; what is not found, from the folder of this script. */
function withOwnLibraries(options: ts.CompilerOptions): ts.LanguageServiceHost['resolveModuleNameLiterals'] {
  return (literals, containing) =>
    literals.map(({ text }) => {
      const mode = ts.ModuleKind.ESNext
      const found = ts.resolveModuleName(text, containing, options, ts.sys, undefined, undefined, mode)
      if (found.resolvedModule !== undefined || text.startsWith('.')) return found
      return ts.resolveModuleName(text, import.meta.filename, options, ts.sys, undefined, undefined, mode)
    })
}

/** The path of a node's file from the folder of the tree, with `/`. */
export function pathOf({ folder }: Pick<Tree, 'folder'>, node: ts.Node): string {
  return relative(folder, node.getSourceFile().fileName).split(sep).join('/')
}

/** The room of a path: a folder in `src`, one adapter, one home, or a folder beside `src`. */
export function roomOf(path: string): string {
  const [top, second, third, ...rest] = path.split('/')
  if (top !== 'src') return top ?? ''
  if (third === undefined) return 'src'
  return FOLDERS_OF_ROOMS.includes(second ?? '') && rest.length > 0
    ? `src/${second}/${third}`
    : `src/${second}`
}

/** Whether a node stands in a measured file of the tree. */
export function isMeasured(tree: Tree, node: ts.Node): boolean {
  const path = pathOf(tree, node)
  return (
    MEASURED.includes(path.split('/')[0] ?? '') && !path.endsWith('.d.ts') && !path.includes('node_modules/')
  )
}

/** Calls `look` with a node and everything below it, in source order. */
export function forEachNode(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node)
  ts.forEachChild(node, (child) => forEachNode(child, look))
}
