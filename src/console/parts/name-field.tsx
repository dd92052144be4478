import { useState } from 'preact/hooks';
import { type Named, useNames } from '../lib/names.js';
import { TextField, type TextFieldProps } from './field.js';

interface NameFieldProps extends Omit<TextFieldProps, 'list' | 'onFocus'> {
  /** Whose names are suggested. */
  of: Named;
}

/** A text field that suggests names, which it loads once it is used. */
export function NameField({ of, ...field }: NameFieldProps) {
  const [isUsed, setUsed] = useState(false);
  const names = useNames(isUsed ? of : null, field.value);
  return <TextField {...field} list={names} onFocus={() => setUsed(true)} />;
}
