import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

/** A stack as the service would tell it. */
export interface ToldStack {
  outputs?: { [name: string]: string }
  /** Types and physical names of what is in it. */
  resources?: [type: string, name: string][]
  template?: object
}

/** Answers of the query protocol, which CloudFormation and IAM speak. */
export async function fakeAws(
  test: TestContext,
  stacks: { [name: string]: ToldStack },
  others: (action: string, parameters: URLSearchParams) => string | undefined = () => undefined,
): Promise<{ url: string; actions: string[] }> {
  const actions: string[] = []
  const server = createServer(async (request, response) => {
    const parameters = new URLSearchParams(await text(request))
    const action = parameters.get('Action') ?? `${request.method} ${request.url}`
    actions.push(action)
    const stack = stacks[parameters.get('StackName') ?? '']
    const other = others(action, parameters)
    const isStack = ['DescribeStacks', 'ListStackResources', 'GetTemplate'].includes(action)
    response.statusCode = other?.includes('<Error>') || (isStack && stack === undefined) ? 400 : 200
    response.end(
      other ??
        (stack === undefined ? errorText('ValidationError', 'Stack does not exist') : answer(action, stack)),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, actions }
}

/** An answer that is an error. */
export const errorText = (code: string, message: string): string =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`

function answer(action: string, { outputs = {}, resources = [], template = {} }: ToldStack): string {
  const result = (inner: string) =>
    `<${action}Response><${action}Result>${inner}</${action}Result></${action}Response>`
  if (action === 'DescribeStacks') {
    const told = Object.entries(outputs).map(
      ([name, value]) => `<member><OutputKey>${name}</OutputKey><OutputValue>${value}</OutputValue></member>`,
    )
    return result(
      `<Stacks><member><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${told.join('')}</Outputs></member></Stacks>`,
    )
  }
  if (action === 'ListStackResources')
    return result(
      `<StackResourceSummaries>${resources
        .map(
          ([type, name]) =>
            `<member><ResourceType>${type}</ResourceType><PhysicalResourceId>${name}</PhysicalResourceId></member>`,
        )
        .join('')}</StackResourceSummaries>`,
    )
  return result(`<TemplateBody>${JSON.stringify(template).replaceAll('"', '&quot;')}</TemplateBody>`)
}
