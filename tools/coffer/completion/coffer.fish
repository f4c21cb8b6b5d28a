# Completion of coffer for fish. What there is to offer, coffer itself tells; nothing that it prints is
# evaluated.

function __coffer_complete
    set -l words (commandline -opc) (commandline -ct)
    # The words go through a pipe: as arguments every process could read them.
    for line in (string join0 -- $words[2..] | command coffer __complete 2>/dev/null)
        set -l kept (string match -rg '^:(?:command|files|folders) (\d+)$' -- $line)
        switch $line
            case ':command *'
                complete --do-complete=(string join ' ' -- (string escape -- $words[(math $kept + 2)..-2]) $words[-1])
            case ':files *' ':folders *'
                set -l path (string sub -s (math $kept + 1) -- $words[-1])
                set -l front (string sub -l $kept -- $words[-1])
                if string match -q ':files *' -- $line
                    string replace -r '^' -- "$front" (__fish_complete_path $path)
                else
                    string replace -r '^' -- "$front" (__fish_complete_directories $path)
                end
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c coffer -f -a '(__coffer_complete)'
