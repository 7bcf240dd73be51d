export interface Fixture {
  url: string;
  calls: string[];
  disturb(): void;
  tell(event: string, data: unknown): void;
  close(): Promise<void>;
}
export function createFixture(options?: {
  scenario?: 'normal' | 'quiet' | 'flood' | 'outage';
  port?: number;
  now?: () => number;
  staticDir?: string;
}): Promise<Fixture>;
