defmodule App.MixProject do
  use Mix.Project
  def project do
    [app: :app, elixir: "~> 1.14", deps: deps()]
  end
  defp deps do
    [
      {:phoenix, "~> 1.7"},
      {:postgrex, ">= 0.0.0"},
      # {:redix, "~> 1.0"},
      {:myxql, ">= 0.0.0", optional: true},
      {:oban, "~> 2.17"}
    ]
  end
end
