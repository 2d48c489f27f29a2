import ts from 'typescript'
import { describeHeld, either, type Held, heldByObject, memberOf } from './held.ts'
import { isMeasured, pathOf, roomOf, type Tree } from './tree.ts'

/** A stretch of calls in one room. */
export interface Stay {
  room: string
  /** `file:function` in the order of the calls. */
  calls: string[]
}

/** The way that a value takes. */
export interface Walk {
  stays: Stay[]
  rooms: number
  /** Stays in a room that was left before. */
  returns: number
  /** Parameters and variables that carry the value or a part of it, each name once. */
  names: string[]
}

type Body = ts.FunctionLikeDeclaration & { body: ts.Node }
type Call = ts.CallExpression | ts.NewExpression

/**
 * Follows the parameters of a function from call to call, depth first, in source order. A call is followed if an argument
 * is the value, a part of it, or an object or array that holds it. With `everyDoor`, a call of an interface goes on in
 * each implementation, one after the other; without, only where there is one.
 */
export function walk(tree: Tree, start: ts.FunctionLikeDeclaration, everyDoor: boolean): Walk {
  const walker = new Walker(tree, everyDoor)
  walker.enter(
    start as Body,
    start.parameters.map(() => true),
  )
  const { stays, names } = walker
  const rooms = new Set(stays.map(({ room }) => room)).size
  return { stays, rooms, returns: stays.length - rooms, names: [...names].sort() }
}

class Walker {
  readonly stays: Stay[] = []
  readonly names = new Set<string>()
  readonly #tree: Tree
  readonly #everyDoor: boolean
  /** What variables and parameters hold of the value. */
  readonly #carriers = new Map<ts.Symbol, Held>()
  /** What the results of calls hold; calls that were not passed yet are absent. */
  readonly #results = new Map<Call, Held | undefined>()
  /** What the result of a function holds, by the function and what its parameters hold. */
  readonly #passed = new Map<string, Held | undefined>()
  /** What the results of the functions hold that are open, innermost last. */
  readonly #returned: (Held | undefined)[] = []

  constructor(tree: Tree, everyDoor: boolean) {
    this.#tree = tree
    this.#everyDoor = everyDoor
  }

  /** Walks through a function with what its parameters hold. Returns what its result holds. */
  enter(body: Body, given: readonly (Held | undefined)[]): Held | undefined {
    this.#note(body)
    for (const [place, { name, dotDotDotToken }] of body.parameters.entries())
      this.#carry(name, dotDotDotToken ? given.slice(place).reduce(either, undefined) : given[place])
    const key = `${body.getSourceFile().fileName}:${body.pos}:${given.map(describeHeld).join()}`
    if (this.#passed.has(key)) return this.#passed.get(key)
    this.#passed.set(key, undefined)
    const held = this.#through(body)
    this.#passed.set(key, held)
    return held
  }

  #through(body: Body): Held | undefined {
    this.#returned.push(undefined)
    for (const { initializer } of body.parameters) if (initializer) this.#visit(initializer)
    this.#visit(body.body)
    const returned = this.#returned.pop()
    return ts.isArrowFunction(body) && !ts.isBlock(body.body) ? this.#heldBy(body.body) : returned
  }

  #note(place: ts.Node): void {
    const path = pathOf(this.#tree, place)
    const room = roomOf(path)
    const call = `${path}:${nameOf(place)}`
    const last = this.stays.at(-1)
    if (last?.room === room) last.calls.push(call)
    else this.stays.push({ room, calls: [call] })
  }

  #carry(name: ts.BindingName, held: Held | undefined): void {
    if (held === undefined) return
    if (ts.isIdentifier(name)) {
      const symbol = this.#tree.checker.getSymbolAtLocation(name)
      if (symbol === undefined) return
      this.#carriers.set(symbol, either(this.#carriers.get(symbol), held) ?? held)
      this.names.add(name.text)
      return
    }
    const named = new Set<string>()
    for (const element of name.elements) {
      if (!ts.isBindingElement(element)) continue
      const member = (element.propertyName ?? element.name).getText()
      named.add(member)
      if (element.dotDotDotToken) this.#carry(element.name, without(held, named))
      else
        this.#carry(
          element.name,
          ts.isArrayBindingPattern(name) ? memberOf(held, '*') : memberOf(held, member),
        )
    }
  }

  #visit(node: ts.Node): void {
    if (isBody(node)) this.#through(node)
    else if (ts.isCallExpression(node) || ts.isNewExpression(node)) this.#visitCall(node)
    else if (ts.isForOfStatement(node)) this.#visitLoop(node)
    else {
      ts.forEachChild(node, (child) => this.#visit(child))
      this.#keep(node)
    }
  }

  #visitLoop({ expression, initializer, statement }: ts.ForOfStatement): void {
    this.#visit(expression)
    const held = memberOf(this.#heldBy(expression), '*')
    if (ts.isVariableDeclarationList(initializer))
      for (const { name } of initializer.declarations) this.#carry(name, held)
    this.#visit(statement)
  }

  /** Notes what a variable or a result takes on here. */
  #keep(node: ts.Node): void {
    if (ts.isVariableDeclaration(node) && node.initializer)
      this.#carry(node.name, this.#heldBy(node.initializer))
    if (isAssignment(node) && ts.isIdentifier(node.left)) this.#carry(node.left, this.#heldBy(node.right))
    if (ts.isReturnStatement(node) && node.expression) {
      const held = this.#heldBy(node.expression)
      this.#returned.push(either(this.#returned.pop(), held))
    }
  }

  #visitCall(call: Call): void {
    const { expression } = call
    this.#visit(expression)
    const receiver = ts.isPropertyAccessExpression(expression)
      ? this.#heldBy(expression.expression)
      : undefined
    const declarations = this.#declarationsOf(call)
    const isLibrary = declarations.length === 0
    const member = isLibrary ? memberOf(receiver, '*') : undefined
    for (const argument of call.arguments ?? []) this.#visitArgument(argument, member)
    const kept = isLibrary && KEEPING.has(calleeOf(call)) ? receiver : undefined
    this.#results.set(call, either(this.#pass(call, declarations), kept))
  }

  /** Visits an argument; a function is called with what it is given of the members of an array or map. */
  #visitArgument(argument: ts.Expression, member: Held | undefined): void {
    const callback = member === undefined ? undefined : this.#callbackOf(argument)
    if (callback === undefined) this.#visit(argument)
    else if (callback !== argument) this.enter(callback, [member])
    else {
      const [first] = callback.parameters
      if (first !== undefined) this.#carry(first.name, member)
      this.#through(callback)
    }
  }

  /** Follows a call that takes the value. Returns what its result holds. */
  #pass(call: Call, declarations: ts.Node[]): Held | undefined {
    const given = (call.arguments ?? []).map((argument) => this.#heldBy(argument))
    if (given.every((held) => held === undefined)) return undefined
    const ports = declarations.filter((each) => !isBody(each))
    for (const port of ports) this.#note(port)
    const doors = ports.flatMap((port) => this.#implementationsOf(port))
    const open = doors.length === 1 || this.#everyDoor ? doors : []
    return [...declarations.filter(isBody), ...open]
      .map((body) => this.enter(body, given))
      .reduce(either, undefined)
  }

  /** The function of the tree that a call calls, or the member of an interface. */
  #declarationsOf(call: Call): ts.Node[] {
    const { checker } = this.#tree
    const declaration = checker.getResolvedSignature(call)?.declaration
    if (declaration === undefined || !isMeasured(this.#tree, declaration)) return []
    if (isBody(declaration) || isMember(declaration)) return [declaration]
    if (ts.isFunctionTypeNode(declaration)) return isMember(declaration.parent) ? [declaration.parent] : []
    const { name } = declaration as ts.NamedDeclaration
    const symbol = name && checker.getSymbolAtLocation(name)
    return symbol?.declarations?.filter(isBody) ?? []
  }

  #implementationsOf(port: ts.Node): Body[] {
    const { name } = port as ts.PropertySignature
    const { fileName } = port.getSourceFile()
    const found = this.#tree.service.getImplementationAtPosition(fileName, name.getStart()) ?? []
    return found.flatMap(({ fileName, textSpan }) => {
      const file = this.#tree.files.find((each) => each.fileName === fileName)
      return (
        (file && this.#functionAt(innermost(file, textSpan.start, textSpan.start + textSpan.length))) ?? []
      )
    })
  }

  /** The function that is, or is given to, a name. */
  #functionAt(name: ts.Node): Body | undefined {
    const { parent } = name
    if (isBody(name)) return name
    if (isBody(parent) && (parent as ts.NamedDeclaration).name === name) return parent
    if (!ts.isPropertyAssignment(parent) && !ts.isShorthandPropertyAssignment(parent)) return undefined
    const declaration = this.#tree.checker.getTypeAtLocation(parent.name).getCallSignatures()[0]?.declaration
    return declaration !== undefined && isBody(declaration) ? declaration : undefined
  }

  #callbackOf(argument: ts.Expression): Body | undefined {
    if (isBody(argument)) return argument
    if (!ts.isIdentifier(argument)) return undefined
    const declaration = this.#tree.checker.getTypeAtLocation(argument).getCallSignatures()[0]?.declaration
    const isOurs = declaration !== undefined && isBody(declaration) && isMeasured(this.#tree, declaration)
    return isOurs ? declaration : undefined
  }

  /** What an expression holds of the value. */
  #heldBy(node: ts.Node): Held | undefined {
    const { checker } = this.#tree
    if (ts.isIdentifier(node)) return this.#heldIn(checker.getSymbolAtLocation(node))
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) return this.#results.get(node)
    if (ts.isPropertyAccessExpression(node)) return memberOf(this.#heldBy(node.expression), node.name.text)
    if (ts.isElementAccessExpression(node)) return memberOf(this.#heldBy(node.expression), '*')
    if (ts.isConditionalExpression(node))
      return either(this.#heldBy(node.whenTrue), this.#heldBy(node.whenFalse))
    if (ts.isBinaryExpression(node))
      return isChoice(node) ? either(this.#heldBy(node.left), this.#heldBy(node.right)) : undefined
    if (ts.isObjectLiteralExpression(node)) return this.#heldByMembers(node)
    if (ts.isArrayLiteralExpression(node)) {
      const held = node.elements.map((each) => this.#heldBy(each)).reduce(either, undefined)
      return heldByObject(new Map([['*', held]]))
    }
    return isWrapper(node) ? this.#heldBy(node.expression) : undefined
  }

  #heldByMembers({ properties }: ts.ObjectLiteralExpression): Held | undefined {
    const members = new Map<string, Held | undefined>()
    for (const each of properties)
      for (const [name, held] of this.#heldByMember(each)) members.set(name, held)
    return heldByObject(members)
  }

  /** A member of an object literal, or those that are spread into it. */
  #heldByMember(member: ts.ObjectLiteralElementLike): Iterable<[string, Held | undefined]> {
    if (ts.isSpreadAssignment(member)) {
      const held = this.#heldBy(member.expression)
      return held === true ? [['*', held]] : (held ?? [])
    }
    const name = member.name.getText()
    if (ts.isPropertyAssignment(member)) return [[name, this.#heldBy(member.initializer)]]
    if (!ts.isShorthandPropertyAssignment(member)) return []
    return [[name, this.#heldIn(this.#tree.checker.getShorthandAssignmentValueSymbol(member))]]
  }

  #heldIn(symbol: ts.Symbol | undefined): Held | undefined {
    return symbol && this.#carriers.get(symbol)
  }
}

/** What is left of a thing without some of its members. */
function without(held: Held, names: ReadonlySet<string>): Held | undefined {
  if (held === true) return true
  return heldByObject(new Map([...held].filter(([name]) => !names.has(name))))
}

/** Methods of arrays, maps and texts whose result is made of the parts of what they are called on. */
const KEEPING = new Set([
  'map',
  'flatMap',
  'filter',
  'slice',
  'at',
  'find',
  'get',
  'values',
  'entries',
  'concat',
  'trim',
  'sort',
  'toSorted',
])

const calleeOf = ({ expression }: Call): string =>
  ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText()

const isBody = (node: ts.Node): node is Body =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined

const isMember = (node: ts.Node): boolean => ts.isMethodSignature(node) || ts.isPropertySignature(node)

const isAssignment = (node: ts.Node): node is ts.BinaryExpression =>
  ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken

const CHOICES = [
  ts.SyntaxKind.QuestionQuestionToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.CommaToken,
]
const isChoice = ({ operatorToken }: ts.BinaryExpression) => CHOICES.includes(operatorToken.kind as never)

const isWrapper = (node: ts.Node): node is ts.Node & { expression: ts.Expression } =>
  ts.isPropertyAccessExpression(node) ||
  ts.isElementAccessExpression(node) ||
  ts.isAwaitExpression(node) ||
  ts.isParenthesizedExpression(node) ||
  ts.isAsExpression(node) ||
  ts.isSatisfiesExpression(node) ||
  ts.isNonNullExpression(node) ||
  ts.isSpreadElement(node) ||
  ts.isSpreadAssignment(node)

/** Name of a function, or of the variable or property that it is given to. */
export function nameOf(node: ts.Node): string {
  if (ts.isConstructorDeclaration(node)) return `new ${node.parent.name?.text ?? 'class'}`
  const { name } = node as ts.NamedDeclaration
  if (name !== undefined) return name.getText()
  const { parent } = node
  const isNamed =
    ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)
  return isNamed ? parent.name.getText() : '(unnamed)'
}

function innermost(node: ts.Node, start: number, end: number): ts.Node {
  const child = ts.forEachChild(node, (each) =>
    each.getStart() <= start && end <= each.end ? each : undefined,
  )
  return child === undefined ? node : innermost(child, start, end)
}
