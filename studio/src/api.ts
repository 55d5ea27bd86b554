// What the page asks of the server. The types come from the server's own OpenAPI document.
import type { components } from './api/schema';
import { asWorkflow, type Work } from './enlarging';

type Schemas = components['schemas'];
export type About = Schemas['AboutEntry'];
export type Advice = Schemas['AdviceEntry'];
export type Continuous = Schemas['ContinuousEntry'];
export type Forecast = Schemas['ForecastEntry'];
export type Operation = Schemas['OperationEntry'];
export type Picture = Schemas['FileEntry'];
export type Run = Schemas['RunEntry'];
export type RunRequest = Schemas['RunRequest'];
export type Sentence = Schemas['SentenceEntry'];
export type Status = Run['status'];

/** Named figures and words, as the server writes them into a file; a figure may be "infinity". */
export interface Report {
  title: string;
  figures: Record<string, number | string>;
  words?: Record<string, string>;
  notes?: string[];
}

export const ENDED: readonly Status[] = ['done', 'partial', 'failed', 'cancelled'];

/** Why the server did not do something: its own sentence, meant for people. */
export class Problem extends Error {}

async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api${path}`, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem('The server does not answer. Is `anyres studio` still running?');
  }
  if (!response.ok) throw problemOf(response.status, await response.text());
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export function problemOf(status: number, body: string): Problem {
  try {
    return new Problem((JSON.parse(body) as Schemas['Problem']).message);
  } catch {
    return new Problem(`The server answered with status ${status}.`);
  }
}

function sent(method: 'POST' | 'PUT', body: unknown): RequestInit {
  return { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

export const about = () => ask<About>('/about');
export const picture = (id: string) => ask<Picture>(`/files/${id}`);
export const removePicture = (id: string) => ask<void>(`/files/${id}`, { method: 'DELETE' });
export const encode = (id: string, weights: string) =>
  ask<Continuous>(`/files/${id}/continuous/${encodeURIComponent(weights)}`, { method: 'PUT' });
export const advise = (question: string, brief: string, language: 'en' | 'ko') =>
  ask<Advice>('/ask', sent('POST', { question, brief: brief.trim() || null, language }));
export const forecast = (request: RunRequest, signal: AbortSignal) =>
  ask<Forecast>('/forecast', { ...sent('POST', request), signal });
export const begin = (work: Work, picture: Picture) =>
  'document' in work
    ? ask<Run>('/runs', sent('POST', asWorkflow(work, picture)))
    : ask<Run>(`/operations/${work.operation}`, sent('POST', { image: picture.id, ...work.parameters }));
export const beginOperation = (operation: string, body: Record<string, unknown>) =>
  ask<Run>(`/operations/${operation}`, sent('POST', body));
export const beginWorkflow = (request: Omit<RunRequest, 'document'>) =>
  ask<Run>('/runs', sent('POST', request));
export const operations = () => ask<Operation[]>('/operations');
export const report = (id: string) => ask<Report>(`/files/${id}/content`);
export const run = (id: string) => ask<Run>(`/runs/${id}`);
export const runs = () => ask<Run[]>('/runs');
export const cancel = (id: string) => ask<Run>(`/runs/${id}/cancel`, { method: 'POST' });
export const again = (id: string) => ask<Run>(`/runs/${id}/again`, { method: 'POST' });
export const removeRun = (id: string) => ask<void>(`/runs/${id}`, { method: 'DELETE' });

export const contentUrl = (id: string) => `/api/files/${id}/content`;
export const previewUrl = (id: string, side: number) => `/api/files/${id}/preview?side=${side}`;
export const recordUrl = (id: string) => `/api/runs/${id}`;

/** Send a picture; `onFraction` hears how much has left. */
export function upload(file: File, onFraction: (fraction: number) => void, signal: AbortSignal) {
  return new Promise<Picture>((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not say how far an upload is
    request.open('POST', `/api/files?name=${encodeURIComponent(file.name.slice(-200))}`);
    request.upload.onprogress = (event) => onFraction(event.loaded / Math.max(1, event.total));
    request.onload = () =>
      request.status === 201
        ? resolve(JSON.parse(request.responseText) as Picture)
        : reject(problemOf(request.status, request.responseText));
    request.onerror = () =>
      reject(new Problem('The upload was broken off. Is `anyres studio` still running?'));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

export const isAbort = (error: unknown) => error instanceof DOMException && error.name === 'AbortError';
export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
