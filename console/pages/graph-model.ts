import type { Cone, GraphTasks, RunGraph } from '../../src/control/control.ts'
import type { DrawnGraph, DrawnNode } from '../drawing/graph-drawing.ts'
import { formatCount, formatTook } from '../format.ts'
import { findLeadingStatus, sortCounts } from '../shapes.ts'

/** What a node of the graph leads to. */
export type Subject = { family: string } | { task: number }

/** A graph as it is drawn and listed. */
export interface ShownGraph extends DrawnGraph {
  /** Of each node. */
  subjects: Subject[]
}

type Family = RunGraph['families'][number]

const describeCounts = (counts: Family['counts']) =>
  sortCounts(counts)
    .map(([status, count]) => `${count.toLocaleString('en')} ${status.replaceAll('_', ' ')}`)
    .join(' · ')

/** Families as nodes. */
export function makeFamilyGraph({ families, edges }: RunGraph): ShownGraph {
  return {
    nodes: families.map(({ family, counts }) => ({
      key: `family ${family}`,
      title: family,
      note: describeCounts(counts),
      status: findLeadingStatus(counts),
      counts: sortCounts(counts),
    })),
    edges: edges.filter(({ from, to }) => from !== to).map(({ from, to }) => [from, to]),
    subjects: families.map(({ family }) => ({ family })),
  }
}

/** Tasks as nodes, and a node for each family that is connected with them and not shown. */
export function makeTaskGraph(window: GraphTasks | Cone, graph: RunGraph): ShownGraph {
  const shown: ShownGraph = { nodes: [], edges: [], subjects: [] }
  const indexOf = new Map<string, number>()
  const add = (node: DrawnNode, subject: Subject) => {
    if (indexOf.has(node.key)) return
    indexOf.set(node.key, shown.nodes.length)
    shown.subjects.push(subject)
    shown.nodes.push(node)
  }
  const middle = 'number' in window ? window.number : undefined
  const families = new Map(graph.families.map((each) => [each.family, each]))
  // Families first: in the table they lead further, and tasks may be many.
  for (const { side, family } of window.outside)
    add(describeOutside(window, side, family, families.get(family)), { family })
  for (const task of window.tasks)
    add(
      {
        key: `task ${task.number}`,
        title: task.task,
        note: describeTask(task),
        status: task.status,
        isMiddle: task.number === middle,
      },
      { task: task.number },
    )
  const at = (key: string) => indexOf.get(key) ?? 0
  for (const { from, to } of window.edges) shown.edges.push([at(`task ${from}`), at(`task ${to}`)])
  for (const { side, number, family } of window.outside) {
    const [node, task] = [at(`${side} ${family}`), at(`task ${number}`)]
    shown.edges.push(side === 'upstream' ? [node, task] : [task, node])
  }
  return shown
}

function describeTask({ status, startedAt, endedAt }: GraphTasks['tasks'][number]): string {
  const word = status.replaceAll('_', ' ')
  return startedAt === null || endedAt === null ? word : `${word} · ${formatTook(endedAt - startedAt)}`
}

function describeOutside(
  window: GraphTasks | Cone,
  side: 'upstream' | 'dependent',
  family: string,
  summary: Family | undefined,
): DrawnNode {
  const cut =
    'cut' in window ? window.cut.find((each) => each.side === side && each.family === family) : undefined
  const counts = summary?.counts ?? {}
  return {
    key: `${side} ${family}`,
    title: family,
    note: cut === undefined ? describeCounts(counts) : `${formatCount(cut.tasks, 'more task')} not shown`,
    status: findLeadingStatus(counts),
    counts: sortCounts(counts),
  }
}
