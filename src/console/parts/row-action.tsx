/** A button in a row of a table. Its name tells screen readers the row, too. */
export function RowAction({
  label,
  of,
  onClick,
}: {
  label: string;
  of: string | number;
  onClick(): void;
}) {
  return (
    <button type="button" class="quiet" aria-label={`${label}: ${of}`} onClick={onClick}>
      {label}
    </button>
  );
}
