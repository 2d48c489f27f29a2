import { useEffect, useRef, useState } from 'preact/hooks'
import type { Layout, LayoutGraph } from './layout.ts'

/** What the types of the browser do not have yet. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string }
}

const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
/** The only script that the console starts by its address. */
const policy = trustedTypes?.createPolicy('sluice', { createScriptURL: () => '/layout.js' })

/** Places a graph away from the main thread; undefined until that is done. The last layout stays until the next one is there. */
export function useLayout(key: string, graph: LayoutGraph | undefined): Layout | undefined {
  const [layout, setLayout] = useState<{ key: string; layout: Layout }>()
  const worker = useRef<Worker>()
  const asked = useRef(0)
  useEffect(() => {
    worker.current = new Worker(policy?.createScriptURL('') ?? '/layout.js')
    return () => worker.current?.terminate()
  }, [])
  useEffect(() => {
    if (graph === undefined || worker.current === undefined) return
    const id = ++asked.current
    worker.current.onmessage = ({ data }: MessageEvent<{ id: number; layout: Layout }>) => {
      if (data.id === asked.current) setLayout({ key, layout: data.layout })
    }
    worker.current.postMessage({ id, ...graph })
  }, [key])
  return layout?.key === key ? layout.layout : undefined
}
