defmodule S.MixProject do
  defp deps, do: [{:ecto_sqlite3, "~> 0.13"}, {:postgrex, ">= 0.0.0", only: :prod}]
end
