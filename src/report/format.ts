/** Numbers as the report writes them. A no-break space before the unit keeps the two on one line. */
const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const NOTHING = '–';

export const count = (value: number): string => grouped.format(value);

/** 0.0213 -> '2.13 %': two decimals where a tenth of a percent is not enough to tell apart, else one. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return NOTHING;
  const value = share * 100;
  return `${value.toFixed(Math.abs(value) < 10 || (value > 99 && value < 100) ? 2 : 1)}\u00a0%`;
}

export const decimal = (value: number | null | undefined, digits: number): string =>
  value === null || value === undefined ? NOTHING : value.toFixed(digits);

/** '2026-11-24T23:46:52.000Z' -> '2026-11-24 23:46 UTC'; other text as it is. */
export const time = (iso: string): string =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d.*Z$/.test(iso) ? `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC` : iso;

export const shorten = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;
