import ts from 'typescript'
import { forEachNode, pathOf, type Tree } from './tree.ts'
import { nameOf } from './walk.ts'

const MAX_FILE_LINES = 250
const MAX_FUNCTION_LINES = 60

/** A thing at a line of a file. */
export interface Spot {
  name: string
  /** `path:line`. */
  at: string
}

/** How often something occurs in a file. */
export interface Count {
  file: string
  count: number
}

/** Conditions in the command layer that ask whether a command runs on a deployment. */
export function findDeploymentBranches(tree: Tree): Spot[] {
  const found: Spot[] = []
  for (const file of tree.files) {
    if (!pathOf(tree, file).startsWith('src/cli/')) continue
    forEachNode(file, (node) => {
      const condition = conditionOf(node)
      if (condition !== undefined && asksForDeployment(condition))
        found.push({ name: condition.getText().replaceAll(/\s+/g, ' '), at: spotOf(tree, condition) })
    })
  }
  return found
}

function conditionOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isIfStatement(node) || ts.isSwitchStatement(node)) return node.expression
  return ts.isConditionalExpression(node) ? node.condition : undefined
}

const PLACES = /^(env|environment|deployed|deployment|isDeployed|isDeployment|remote|isRemote)$/

function asksForDeployment(condition: ts.Expression): boolean {
  let asks = false
  forEachNode(condition, (node) => {
    const isProcess = ts.isPropertyAccessExpression(node.parent) && node.parent.getText() === 'process.env'
    if (ts.isIdentifier(node) && PLACES.test(node.text) && !isProcess && !isCallee(node)) asks = true
  })
  return asks
}

const isCallee = (node: ts.Node) => ts.isCallExpression(node.parent) && node.parent.expression === node

/** `as X` and assertions with `!`, which the compiler believes without a check. */
export interface Casts {
  lines: number
  casts: number
  castsPerThousandLines: number
  nonNullAssertions: number
  /** The files with the most casts, at most ten. */
  places: Count[]
}

/** Counts casts, without `as const` and `satisfies`. */
export function countCasts(tree: Tree): Casts {
  const counts = tree.files.map((file) => {
    let casts = 0
    let assertions = 0
    forEachNode(file, (node) => {
      if (ts.isAsExpression(node) && !ts.isConstTypeReference(node.type)) casts++
      if (ts.isNonNullExpression(node)) assertions++
    })
    return { file: pathOf(tree, file), lines: linesOf(file), casts, assertions }
  })
  const lines = sum(counts.map((each) => each.lines))
  const casts = sum(counts.map((each) => each.casts))
  const places = counts.flatMap(({ file, casts }) => (casts > 0 ? [{ file, count: casts }] : []))
  return {
    lines,
    casts,
    castsPerThousandLines: round((casts / Math.max(lines, 1)) * 1_000),
    nonNullAssertions: sum(counts.map((each) => each.assertions)),
    places: places.sort((a, b) => b.count - a.count).slice(0, 10),
  }
}

/** What functions and exports are called. */
export interface Names {
  /** Names that top-level functions of two or more files have. */
  functionsInSeveralFiles: { name: string; files: string[] }[]
  /** The same of exported functions alone. */
  exportedInSeveralFiles: { name: string; files: string[] }[]
  exportedFunctions: number
  meanExportedLength: number
  /** Functions, methods and variables that hold a function. */
  allFunctions: number
  meanLength: number
  withoutDocstring: Spot[]
}

/** Measures the names of functions, and finds exports without a docstring. */
export function measureNames(tree: Tree): Names {
  const topLevel: { name: string; file: string; isExported: boolean }[] = []
  const all: string[] = []
  for (const file of tree.files) {
    for (const { name, node } of declarationsOf(file))
      if (isFunction(node)) topLevel.push({ name, file: pathOf(tree, file), isExported: isExported(node) })
    forEachNode(file, (node) => {
      if (hasBody(node) && nameOf(node) !== '(unnamed)' && !ts.isConstructorDeclaration(node))
        all.push(nameOf(node))
    })
  }
  const exported = topLevel.filter((each) => each.isExported)
  return {
    functionsInSeveralFiles: inSeveralFiles(topLevel),
    exportedInSeveralFiles: inSeveralFiles(exported),
    exportedFunctions: exported.length,
    meanExportedLength: mean(exported.map(({ name }) => name.length)),
    allFunctions: all.length,
    meanLength: mean(all.map((name) => name.length)),
    withoutDocstring: tree.files.flatMap((file) => undocumentedIn(tree, file)),
  }
}

function inSeveralFiles(functions: { name: string; file: string }[]): { name: string; files: string[] }[] {
  const byName = Map.groupBy(functions, ({ name }) => name)
  return [...byName]
    .map(([name, each]) => ({ name, files: [...new Set(each.map(({ file }) => file))].sort() }))
    .filter(({ files }) => files.length > 1)
    .sort((a, b) => b.files.length - a.files.length || a.name.localeCompare(b.name))
}

function undocumentedIn(tree: Tree, file: ts.SourceFile): Spot[] {
  return declarationsOf(file).flatMap(({ name, node }) => {
    const documented = ts.isVariableDeclaration(node) ? node.parent.parent : node
    if (!isExported(node) || ts.getJSDocCommentsAndTags(documented).length > 0) return []
    return [{ name, at: spotOf(tree, node) }]
  })
}

type Declaration = ts.DeclarationStatement | ts.VariableDeclaration

/** What a file declares at its top, of overloads the first. */
function declarationsOf(file: ts.SourceFile): { name: string; node: Declaration }[] {
  const found = new Map<string, Declaration>()
  for (const statement of file.statements) {
    const nodes = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement]
    for (const node of nodes) {
      const name = (node as ts.NamedDeclaration).name
      if (name !== undefined && ts.isIdentifier(name) && !found.has(name.text))
        found.set(name.text, node as Declaration)
    }
  }
  return [...found].map(([name, node]) => ({ name, node }))
}

const isFunction = (node: Declaration): boolean =>
  ts.isFunctionDeclaration(node) ||
  (ts.isVariableDeclaration(node) && node.initializer !== undefined && hasBody(node.initializer))

const isExported = (node: Declaration): boolean =>
  (ts.getCombinedModifierFlags(node as ts.Declaration) & ts.ModifierFlags.Export) !== 0

const hasBody = (node: ts.Node): boolean =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined

/** How long files or functions are, in lines. */
export interface Sizes {
  count: number
  median: number
  ninetyPercent: number
  longest: number
  limit: number
  beyondLimit: Spot[]
}

/** Lines of files, and of functions from their first line to their last. */
export function measureSizes(tree: Tree): { files: Sizes; functions: Sizes } {
  const files = tree.files.map((file) => ({
    name: pathOf(tree, file),
    at: pathOf(tree, file),
    lines: linesOf(file),
  }))
  const functions: { name: string; at: string; lines: number }[] = []
  for (const file of tree.files)
    forEachNode(file, (node) => {
      if (!hasBody(node)) return
      const first = file.getLineAndCharacterOfPosition(node.getStart()).line
      const last = file.getLineAndCharacterOfPosition(node.end).line
      functions.push({ name: nameOf(node), at: spotOf(tree, node), lines: last - first + 1 })
    })
  return { files: sizesOf(files, MAX_FILE_LINES), functions: sizesOf(functions, MAX_FUNCTION_LINES) }
}

function sizesOf(things: (Spot & { lines: number })[], limit: number): Sizes {
  const lines = things.map((each) => each.lines).sort((a, b) => a - b)
  const at = (share: number) => lines[Math.min(lines.length - 1, Math.floor(lines.length * share))] ?? 0
  const beyondLimit = things
    .filter((each) => each.lines > limit)
    .sort((a, b) => b.lines - a.lines)
    .map(({ name, at, lines }) => ({ name: `${name} (${lines})`, at }))
  return {
    count: lines.length,
    median: at(0.5),
    ninetyPercent: at(0.9),
    longest: lines.at(-1) ?? 0,
    limit,
    beyondLimit,
  }
}

/** A name that code and infrastructure both spell out. */
export interface Contract {
  name: string
  code: string[]
  infrastructure: string[]
}

/** Names as of tables, metrics, variables and outputs that occur as text both in `src` and in `infra` or `functions`, and that no type checks. */
export function findContracts(tree: Tree): Contract[] {
  const found = new Map<string, { code: Set<string>; infrastructure: Set<string> }>()
  for (const file of tree.files) {
    const path = pathOf(tree, file)
    const side = path.startsWith('src/') ? 'code' : 'infrastructure'
    if (!/^(src|infra|functions)\//.test(path)) continue
    forEachNode(file, (node) => {
      const name = spelledName(node)
      if (name === undefined || isChecked(tree, node)) return
      const sides = found.get(name) ?? { code: new Set(), infrastructure: new Set() }
      sides[side].add(path)
      found.set(name, sides)
    })
  }
  return [...found]
    .filter(([, { code, infrastructure }]) => code.size > 0 && infrastructure.size > 0)
    .map(([name, sides]) => ({
      name,
      code: [...sides.code].sort(),
      infrastructure: [...sides.infrastructure].sort(),
    }))
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** A name of four or more letters with a capital, a hyphen, a dot or an underscore in it: `RunsTable`, `SLUICE_TABLE`, `by-run`. */
const NAME = /^(?=(?:.*[A-Za-z]){4})(?=.*[A-Z_.-])[A-Za-z][A-Za-z0-9_.-]*$/
const VARIABLE = /^[A-Z][A-Z0-9]*_[A-Z0-9_]+$/

function spelledName(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return NAME.test(node.text) && isValue(node) ? node.text : undefined
  if (!ts.isIdentifier(node) || !VARIABLE.test(node.text)) return undefined
  const isMember = ts.isPropertyAssignment(node.parent) && node.parent.name === node
  const isRead = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node
  return isMember || (isRead && /\benv\b/.test(node.parent.getText())) ? node.text : undefined
}

/** Whether the compiler knows which texts are allowed here, so that a second spelling cannot go wrong. */
function isChecked({ checker }: Tree, node: ts.Node): boolean {
  const type = ts.isStringLiteralLike(node) ? checker.getContextualType(node) : undefined
  const types = type?.isUnion() ? type.types : [type]
  return types.every((each) => each !== undefined && (each.flags & CHECKED) !== 0)
}

const CHECKED = ts.TypeFlags.StringLiteral | ts.TypeFlags.Undefined | ts.TypeFlags.Null

/** Not a module that is imported, and not a type. */
function isValue({ parent }: ts.Node): boolean {
  if (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent) || ts.isLiteralTypeNode(parent))
    return false
  return !(ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword)
}

function spotOf(tree: Tree, node: ts.Node): string {
  const { line } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart())
  return `${pathOf(tree, node)}:${line + 1}`
}

const linesOf = (file: ts.SourceFile): number =>
  file.text.split('\n').length - Number(file.text.endsWith('\n'))

const sum = (numbers: number[]): number => numbers.reduce((total, each) => total + each, 0)

const round = (number: number): number => Math.round(number * 10) / 10

const mean = (numbers: number[]): number => round(sum(numbers) / Math.max(numbers.length, 1))
