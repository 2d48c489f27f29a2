import type { Context } from 'hono'
import { SluiceError } from '../../core/errors.ts'
import { parsePythonJson } from '../../luigi/python-json.ts'

/** The arguments of a call: the field `data` of the query or of the form; without it there are none. */
export async function readCallData(context: Context): Promise<unknown> {
  const text = await readDataField(context)
  if (text === undefined) return {}
  try {
    return parsePythonJson(text)
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause
    throw new SluiceError('invalid_usage', 'The field `data` of the request is no JSON.', {
      cause,
      hint: 'A call is a form with one field `data`, a JSON object of arguments by name.',
    })
  }
}

async function readDataField({ req }: Context): Promise<string | undefined> {
  const inQuery = new URL(req.url).searchParams.getAll('data').at(-1)
  if (req.method !== 'POST') return inQuery
  const body = await req.text()
  if (body === '') return inQuery
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(req.header('content-type') ?? ''))
    throw new SluiceError('invalid_usage', 'The body of a call is a form.', {
      hint: 'Send the header `content-type: application/x-www-form-urlencoded`, and a field `data` with JSON.',
    })
  return new URLSearchParams(body).getAll('data').at(-1) ?? inQuery
}
