export interface Answer {
  status: number;
  bytes: Uint8Array;
  cookie?: string;
}
export function get(url: string, init: { method: string; headers: Record<string, string>; body?: string }): Promise<Answer>;
export function gunzip(answer: Answer): string;
