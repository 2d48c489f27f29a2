/** What a Fargate task is given: CPU in 1/1024 of a core, memory in MB. */
export interface FargateSize {
  cpu: number
  memoryMb: number
}

/** Memory of each CPU: from, to, and in which steps. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html */
const SIZES: [cpu: number, from: number, to: number, step: number][] = [
  [256, 512, 2048, 512],
  [512, 1024, 4096, 1024],
  [1024, 2048, 8192, 1024],
  [2048, 4096, 16_384, 1024],
  [4096, 8192, 30_720, 1024],
  [8192, 16_384, 61_440, 4096],
  [16_384, 32_768, 122_880, 8192],
]

/** Memory of the keeper beside a program. */
export const KEEPER_MB = 256

/** The most that a program can have. */
export const LARGEST_PROGRAM_MB = 122_880 - KEEPER_MB

/** The smallest size with at least so much CPU and memory; undefined if Fargate has none. */
export function findFargateSize(wanted: FargateSize): FargateSize | undefined {
  for (const [cpu, from, to, step] of SIZES) {
    // 256 has 512, 1024 and 2048 alone.
    const steps = Math.ceil(Math.max(0, wanted.memoryMb - from) / step)
    const memoryMb = cpu === 256 && steps === 2 ? to : from + steps * step
    if (cpu >= wanted.cpu && memoryMb <= to) return { cpu, memoryMb }
  }
  return undefined
}
