// A picture as OpenSeadragon looks at it: squares of 256 pixels, level n with a longer side of 2**n at most.
import type { Continuous, Picture } from './api';

export const SIDE = 256;
const SMALLEST = 8; // the level that fits into one tile

export interface Tiles {
  width: number;
  height: number;
  tileSize: number;
  tileOverlap: number;
  minLevel: number;
  maxLevel: number;
  getTileUrl: (level: number, column: number, row: number) => string;
}

/** The pixels that a file has. */
export function storedTiles(file: Picture): Tiles {
  const levels = file.levels ?? 0;
  return {
    width: file.width ?? 1,
    height: file.height ?? 1,
    tileSize: SIDE,
    tileOverlap: 0,
    minLevel: Math.min(levels, SMALLEST),
    maxLevel: levels,
    getTileUrl: (level, column, row) => tileUrl(file, level, column, row),
  };
}

/** What a network renders beyond them, as it is looked at. */
export function continuousTiles(file: Picture, found: Continuous): Tiles {
  const levels = file.levels ?? 0;
  const factor = 2 ** found.highest_power;
  const start = `/api/files/${file.id}/continuous/${encodeURIComponent(found.weights)}`;
  return {
    width: found.width * factor,
    height: found.height * factor,
    tileSize: SIDE,
    tileOverlap: 0,
    minLevel: levels + 1,
    maxLevel: levels + found.highest_power,
    getTileUrl: (level, column, row) => `${start}/${level - levels}/${column}/${row}`,
  };
}

function tileUrl(file: Picture, level: number, column: number, row: number): string {
  return `/api/files/${file.id}/tiles/${level}/${column}/${row}`;
}

export const RETRIES = 3; // of a tile that the server has no time for
export const RETRY_MS = 700;
const KEPT = 24;
const read = new Map<string, Promise<ImageData>>(); // tiles that were looked into, the newest last

/** The colour of a pixel of a file, 0 to 255, read from its tile. */
export async function pixelOf(file: Picture, x: number, y: number): Promise<[number, number, number]> {
  const url = tileUrl(file, file.levels ?? 0, Math.floor(x / SIDE), Math.floor(y / SIDE));
  const tile = read.get(url) ?? pixelsOf(url);
  read.delete(url);
  read.set(url, tile);
  tile.catch(() => read.delete(url)); // asked again the next time
  for (const oldest of [...read.keys()].slice(0, Math.max(0, read.size - KEPT))) read.delete(oldest);
  const { data, width } = await tile;
  const at = 4 * ((y % SIDE) * width + (x % SIDE));
  return [data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0];
}

async function pixelsOf(url: string): Promise<ImageData> {
  let response = await fetch(url);
  for (let again = 0; again < RETRIES && response.status === 503; again += 1) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS)); // too many tiles were asked for at once
    response = await fetch(url);
  }
  if (!response.ok) throw new Error(url);
  const bitmap = await createImageBitmap(await response.blob(), { colorSpaceConversion: 'none' });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  if (!context) throw new Error('no canvas');
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}
