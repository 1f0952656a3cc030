export interface Place {
  title: string
  folder: string
  packages: Record<string, string>
}
export const places: Record<"node16" | "node20" | "node22" | "ric3" | "ric4", Place>
export function isComplete(place: Place): boolean
