  /** The settings that the operator gives: `env("API_KEY")`, `env.API_KEY`. */
  export interface Env {
    (name: string): string | undefined;
    readonly [name: string]: string | undefined;
  }
