import { type LayoutGraph, placeGraph } from './layout.ts'

/** The part of a worker that is used here; the types of the browser know the page alone. */
interface Worker {
  onmessage: ((event: MessageEvent<LayoutGraph & { id: number }>) => void) | null
  postMessage(message: object): void
}

const worker = self as unknown as Worker

worker.onmessage = ({ data: { id, ...graph } }) => worker.postMessage({ id, layout: placeGraph(graph) })
