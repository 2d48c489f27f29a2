import ts from 'typescript'
import { forEachNode, pathOf, type Tree } from './tree.ts'

/** A command of the program and the function that it runs. */
export interface CommandAction {
  /** One word, or several for one action: `pause`, `resume`. */
  names: string[]
  action: ts.FunctionLikeDeclaration
}

/** Every `.action(function)` in the command layer, with the name that its command was made with. */
export function findCommands(tree: Tree): CommandAction[] {
  const found: CommandAction[] = []
  for (const file of tree.files) {
    if (!pathOf(tree, file).startsWith('src/cli/')) continue
    forEachNode(file, (node) => {
      if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return
      if (node.expression.name.text !== 'action') return
      const action = functionOf(tree, node.arguments[0])
      const names = namesOf(tree, node.expression.expression)
      if (action !== undefined && names.length > 0) found.push({ names, action })
    })
  }
  return found.sort((a, b) => (a.names[0] ?? '').localeCompare(b.names[0] ?? ''))
}

function functionOf(
  { checker }: Tree,
  node: ts.Expression | undefined,
): ts.FunctionLikeDeclaration | undefined {
  if (node === undefined) return undefined
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return node
  const declaration = checker.getTypeAtLocation(node).getCallSignatures()[0]?.declaration
  return declaration !== undefined && 'body' in declaration && declaration.body !== undefined
    ? (declaration as ts.FunctionLikeDeclaration)
    : undefined
}

/** The words after `command(` in what `.action` is called on: there, or in the variable that it names. */
function namesOf(tree: Tree, receiver: ts.Node, seen = new Set<ts.Node>()): string[] {
  if (seen.has(receiver)) return []
  seen.add(receiver)
  let names: string[] = []
  let parent = ''
  forEachNode(receiver, (node) => {
    if (names.length > 0 || !isMaker(node)) return
    const usage = node.arguments?.map((argument) => wordsOf(tree, argument)).find((words) => words.length > 0)
    names = usage ?? []
    parent = parentOf(tree, node)
  })
  if (names.length > 0) return names.map((name) => parent + name)
  forEachNode(receiver, (node) => {
    if (names.length > 0 || !ts.isIdentifier(node)) return
    const declaration = tree.checker.getSymbolAtLocation(node)?.valueDeclaration
    if (declaration !== undefined && ts.isVariableDeclaration(declaration) && declaration.initializer)
      names = namesOf(tree, declaration.initializer, seen)
  })
  return names
}

function isMaker(node: ts.Node): node is ts.CallExpression | ts.NewExpression {
  if (ts.isNewExpression(node)) return node.expression.getText() === 'Command'
  if (!ts.isCallExpression(node)) return false
  const { expression } = node
  const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText()
  return name === 'command'
}

/** `secrets ` for a command that is made below another one. */
function parentOf(tree: Tree, { arguments: given }: ts.CallExpression | ts.NewExpression): string {
  const [first] = given ?? []
  if (first === undefined || !ts.isIdentifier(first)) return ''
  const declaration = tree.checker.getSymbolAtLocation(first)?.valueDeclaration
  if (declaration === undefined || !ts.isVariableDeclaration(declaration) || !declaration.initializer)
    return ''
  const [name] = namesOf(tree, declaration.initializer)
  return name === undefined || name === 'sluice' ? '' : `${name} `
}

/** The first word of a usage such as `run [name]`; of a variable part, each text that its type allows. */
function wordsOf({ checker }: Tree, node: ts.Expression): string[] {
  if (ts.isStringLiteralLike(node)) return firstWord(node.text)
  const part =
    ts.isTemplateExpression(node) && node.head.text === '' ? node.templateSpans[0]?.expression : node
  if (part === undefined || ts.isCallExpression(part)) return []
  const type = checker.getTypeAtLocation(part)
  const types = type.isUnion() ? type.types : [type]
  return types.every((each) => each.isStringLiteral()) ? types.flatMap((each) => firstWord(each.value)) : []
}

const firstWord = (text: string): string[] => /^[a-z][a-z-]*/.exec(text)?.slice(0, 1) ?? []
