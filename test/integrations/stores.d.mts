export const programs: Record<string, string>
export function programOf(name: string): string | undefined
export interface Store {
  readonly host: string
  readonly port: number
  readonly folder: string
  stop(): Promise<void>
}
export function startStore(name: string): Promise<Store>
