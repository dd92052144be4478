import { tab } from './characters.js';

/** Numbers kept for a field: where name and value begin and end in the text. */
const perField = 4;

/**
 * The fields of one head: the received text and places in it. Strings are created only on demand.
 * Text holds one character per byte (latin1).
 */
export class Fields {
  /** @param places four numbers a field: name start, name end, value start, value end. */
  constructor(
    private readonly text: string,
    private readonly places: readonly number[],
  ) {}

  get count(): number {
    return this.places.length / perField;
  }

  /** @param index from 0 to `count - 1`, in the order received. */
  name(index: number): string {
    const at = index * perField;
    return this.text.slice(this.places[at], this.places[at + 1]).toLowerCase();
  }

  value(index: number): string {
    const at = index * perField;
    return this.text.slice(this.places[at + 2], this.places[at + 3]);
  }

  /** True if a field has this lower-case name. */
  isNamed(index: number, name: string): boolean {
    const at = index * perField;
    const start = this.places[at] as number;
    if ((this.places[at + 1] as number) - start !== name.length) return false;
    return equalsLower(this.text, start, name);
  }

  /** The value of the first field of this lower-case name, or null. */
  get(name: string): string | null {
    const { count } = this;
    for (let i = 0; i < count; i++) if (this.isNamed(i, name)) return this.value(i);
    return null;
  }

  /** All of them as `[name, value, …]`, names in lower case. */
  toList(): string[] {
    const list: string[] = [];
    const { count } = this;
    for (let i = 0; i < count; i++) list.push(this.name(i), this.value(i));
    return list;
  }

  /** True if a tab follows the value: it is white space and not part of the value. */
  endsWithTab(index: number): boolean {
    const end = this.places[index * perField + 3] as number;
    return this.text.charCodeAt(end) === tab;
  }

  /** Length of a field's name. */
  nameLength(index: number): number {
    const at = index * perField;
    return (this.places[at + 1] as number) - (this.places[at] as number);
  }
}

/** True if `text` equals `lower` from `start` on, ignoring case. */
function equalsLower(text: string, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    let code = text.charCodeAt(start + i);
    if (code >= 0x41 && code <= 0x5a) code |= 0x20;
    if (code !== lower.charCodeAt(i)) return false;
  }
  return true;
}
