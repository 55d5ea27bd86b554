// What the page has done to a picture: operations, and workflow documents, which the command line runs as well.
import type { Picture, Run, RunRequest } from './api';

export type Target = 'scale' | 'width' | 'height' | 'longest';
export interface Size {
  target: Target;
  value: number;
}
/** What stands on the divider's left: the picture by a classic kernel, or by other weights. */
export type Before = { kernel: 'nearest' | 'bicubic' | 'lanczos3' } | { weights: string };

/** What to run: an operation of the server's, or an advisor's document. */
export type Work =
  | { operation: 'upscale' | 'resize'; parameters: Record<string, unknown> }
  | { document: Document };
export type Document = Record<string, unknown>;

/** Weights are named where they are not the usual ones, as one would on the command line: the files are equal. */
export function enlargement(size: Size, weights: string, usual: string | undefined): Work {
  const named = weights === usual ? {} : { model: weights };
  return { operation: 'upscale', parameters: { [size.target]: size.value, ...named } };
}

/** The picture by another way, at exactly the size of a result. */
export function comparison(result: Picture, before: Before): Work {
  const size = { size: `${result.width}x${result.height}`, fit: 'stretch' };
  return 'kernel' in before
    ? { operation: 'resize', parameters: { ...size, kernel: before.kernel } }
    : { operation: 'upscale', parameters: { ...size, model: before.weights } };
}

/** The same as a request for a workflow: an operation is a document of one node. */
export function asWorkflow(work: Work, picture: Picture): RunRequest {
  const document = 'document' in work ? work.document : oneNode(work.operation, work.parameters);
  return { document, inputs: { [inputOf(document)]: picture.id }, parameters: {} };
}

function oneNode(operation: string, parameters: Record<string, unknown>): Document {
  return {
    anyres_workflow: 1,
    name: 'studio',
    version: '1.0.0',
    inputs: { photo: { type: 'Image' } },
    nodes: {
      [operation]: { operation: `${operation}@1.0.0`, inputs: { image: 'inputs.photo' }, parameters },
    },
    outputs: { result: `${operation}.result` },
  };
}

/** The name of a document's picture: its first input of type Image. */
function inputOf(document: Document): string {
  const inputs = (document.inputs ?? {}) as Record<string, { type?: string }>;
  return Object.keys(inputs).find((key) => inputs[key]?.type === 'Image') ?? 'photo';
}

/** What a run does, in short: "upscale: scale 2, model liif-compact". */
export function describe(run: Run): string {
  const told = Object.entries(run.parameters).map(([name, value]) => `${name} ${String(value)}`);
  return told.length > 0 ? `${run.title}: ${told.join(', ')}` : run.title;
}

export const beforeName = (before: Before) => ('kernel' in before ? before.kernel : before.weights);

/** By how much a result is larger than its picture, of the two axes the larger. */
export function factorOf(picture: Picture, result: Picture): number {
  return Math.max((result.width ?? 1) / (picture.width ?? 1), (result.height ?? 1) / (picture.height ?? 1));
}
