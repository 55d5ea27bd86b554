// Drawn here: fonts differ in which of these they have.
const PATHS = {
  plus: 'M10 4v12M4 10h12',
  minus: 'M4 10h12',
  all: 'M4 7V4h3M13 4h3v3M16 13v3h-3M7 16H4v-3M7 7h6v6H7z',
  full: 'M3 8V3h5M12 3h5v5M17 12v5h-5M8 17H3v-5',
  sun: 'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6 16 16M4 16l1.4-1.4M14.6 5.4 16 4',
  moon: 'M16 12.5A7 7 0 0 1 7.5 4a7 7 0 1 0 8.5 8.5z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
