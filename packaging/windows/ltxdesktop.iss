; Windows installer of ltxdesktop (Inno Setup 6.3 or newer): for one person, without administrator rights by default.
; packaging/bundle.py gives AppVersion, SourceFolder, IconFile and OutputFolder, and a signing tool when there is one.

#ifndef AppVersion
  #error Run packaging/bundle.py windows, which says what to pack
#endif

[Setup]
; The id is what updates find the earlier version by: it stays for ever.
AppId={{6B1B0D5E-6C5C-4E0A-9C0F-6F3B2D5C8A11}
AppName=ltxdesktop
AppVersion={#AppVersion}
AppPublisher=the ltxdesktop authors
AppPublisherURL=https://ltxdesktop.org
VersionInfoVersion={#AppVersion}
DefaultDirName={autopf}\ltxdesktop
DefaultGroupName=ltxdesktop
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
LicenseFile={#SourceFolder}\licences\COPYING
SetupIconFile={#IconFile}
UninstallDisplayIcon={app}\ltxdesktop.exe
UninstallDisplayName=ltxdesktop
ChangesAssociations=yes
CloseApplications=yes
RestartApplications=no
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
OutputDir={#OutputFolder}
OutputBaseFilename=ltxdesktop-{#AppVersion}-setup
#ifdef Sign
SignTool=ltxsign
SignedUninstaller=yes
#endif

[Languages]
Name: "english"; MessagesFile: "compiler:Default.isl"

[Tasks]
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; GroupDescription: "{cm:AdditionalIcons}"; Flags: unchecked
Name: "associate"; Description: "Open projects (.otio) with ltxdesktop"; GroupDescription: "Projects:"

[InstallDelete]
; What an earlier version had and this one hasn't must not be imported any more.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#SourceFolder}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[Icons]
Name: "{autoprograms}\ltxdesktop"; Filename: "{app}\ltxdesktop.exe"; AppUserModelID: "org.ltxdesktop.ltxdesktop"
Name: "{autodesktop}\ltxdesktop"; Filename: "{app}\ltxdesktop.exe"; Tasks: desktopicon

[Registry]
; "Open with" always; the default program for projects only if the person has ticked it.
Root: HKA; Subkey: "Software\Classes\ltxdesktop.project"; ValueType: string; ValueData: "OpenTimelineIO project"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\ltxdesktop.project\DefaultIcon"; ValueType: string; ValueData: "{app}\ltxdesktop.exe,0"
Root: HKA; Subkey: "Software\Classes\ltxdesktop.project\shell\open\command"; ValueType: string; ValueData: """{app}\ltxdesktop.exe"" ""%1"""
Root: HKA; Subkey: "Software\Classes\.otio\OpenWithProgids"; ValueType: string; ValueName: "ltxdesktop.project"; ValueData: ""; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\.otio"; ValueType: string; ValueData: "ltxdesktop.project"; Flags: uninsdeletevalue; Tasks: associate

[Run]
Filename: "{app}\ltxdesktop.exe"; Description: "{cm:LaunchProgram,ltxdesktop}"; Flags: nowait postinstall skipifsilent

[UninstallRun]
; The engine lies in the person's data folder, and has gigabytes.
Filename: "{app}\ltxdesktop-cli.exe"; Parameters: "engine remove"; Flags: runhidden waituntilterminated; RunOnceId: "RemoveEngine"
