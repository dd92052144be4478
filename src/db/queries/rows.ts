/** A row of `providers`. */
export interface ProviderRow {
  id: number;
  provider_key: string;
  provider_type: string;
  api_base: string;
  /** Secret. */
  api_key: string;
  model_mapping: Record<string, string>;
  weight: number;
  provider_params: Record<string, unknown>;
  is_enabled: boolean;
  created_at: Date;
  updated_at: Date;
}

/** A row of `credentials`. */
export interface CredentialRow {
  id: number;
  /** SHA-256 of the key, lower-case hex. */
  credential_key: string;
  /** What may be shown of the key; empty in a row that another program wrote. */
  key_preview: string;
  name: string;
  allowed_models: string[] | null;
  /** Requests a second; 0 blocks all, null is unlimited. */
  rate_limit: number | null;
  is_enabled: boolean;
  created_at: Date;
  updated_at: Date;
}

export type ProviderInput = Omit<ProviderRow, 'id' | 'created_at' | 'updated_at'>;
export type CredentialInput = Omit<CredentialRow, 'id' | 'created_at' | 'updated_at'>;

export const providerColumns = [
  'id',
  'provider_key',
  'provider_type',
  'api_base',
  'api_key',
  'model_mapping',
  'weight',
  'provider_params',
  'is_enabled',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ProviderRow)[];

export const credentialColumns = [
  'id',
  'credential_key',
  'key_preview',
  'name',
  'allowed_models',
  'rate_limit',
  'is_enabled',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof CredentialRow)[];

/** Which rows of a list, ordered by id. */
export interface Page {
  limit: number;
  offset: number;
  enabled?: boolean;
  /** Part of a name, in any case. */
  search?: string;
}
